"""Writes outcomes down in batches, after their clients already have them.

Nothing is lost if the process dies first: an operation without a recorded outcome is executed again from the log and
gives the same numbers. So a training step costs no wait for the disk beyond that of accepting it.
"""

import asyncio
from collections.abc import Callable

from mock_server.domain import operations, sessions
from mock_server.domain.operations import Outcome
from mock_server.store import Store, Transaction

LINGER_SECONDS = 0.1
"""Real time, not the server's: it is about the disk."""


class Recorder:
    """Collects outcomes and writes them together. Lives on the event loop."""

    def __init__(self, store: Store, on_stored: Callable[[list[str]], None]) -> None:
        self._store = store
        self._on_stored = on_stored
        self._outcomes: list[Outcome] = []
        self._ended_at: list[float] = []
        self._runs: dict[str, tuple[int, float]] = {}
        self._heartbeats: dict[str, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, outcome: Outcome, at: float) -> None:
        """An operation ended so, at this time."""
        self._outcomes.append(outcome)
        self._ended_at.append(at)
        self._arm()

    def touch(self, run_id: str, optimizer_steps: int, at: float) -> None:
        """The run was asked for something, and has made so many optimizer steps by now."""
        self._runs[run_id] = optimizer_steps, at
        self._arm()

    def beat(self, session_id: str, at: float) -> None:
        """The session's client is alive."""
        self._heartbeats[session_id] = at
        self._arm()

    def flush(self) -> None:
        """Write what there is, before any write that is asked for later."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._outcomes or self._runs or self._heartbeats:
            outcomes, self._outcomes = self._outcomes, []
            ended_at, self._ended_at = self._ended_at, []
            runs, self._runs = self._runs, {}
            heartbeats, self._heartbeats = self._heartbeats, {}
            loop = asyncio.get_running_loop()
            stored = [outcome.id for outcome in outcomes]
            self._store.write_later(
                _record,
                outcomes,
                ended_at,
                runs,
                heartbeats,
                lambda: loop.call_soon_threadsafe(self._on_stored, stored),
            )

    def forget(self) -> None:
        """Write nothing of what there is: operations without an outcome are executed again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._outcomes, self._ended_at, self._runs, self._heartbeats = [], [], {}, {}

    async def settle(self) -> None:
        """Return when all outcomes so far are in the database."""
        self.flush()
        await self._store.write(lambda _: None)

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LINGER_SECONDS, self.flush)


def _record(
    tx: Transaction,
    outcomes: list[Outcome],
    ended_at: list[float],
    runs: dict[str, tuple[int, float]],
    heartbeats: dict[str, float],
    on_stored: Callable[[], object],
) -> None:
    if outcomes:
        operations.record(tx, outcomes, ended_at)
    for session_id, at in heartbeats.items():
        sessions.record_heartbeat(tx, session_id, at)
    for run_id, (steps, at) in runs.items():
        operations.touch_run(tx, run_id, steps, at)
    tx.after_commit(on_stored)
