"""What time alone brings about: results, checkpoints and sessions expire."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from mock_server.domain import checkpoints, forgetting, sessions
from mock_server.runtime.clock import Timer
from mock_server.runtime.clocks import Clocks
from mock_server.runtime.recorder import Recorder
from mock_server.store import StorageUnavailable, Store, Transaction

log = logging.getLogger(__name__)

ROUND_SECONDS = 60.0


class Janitor:
    """Goes round once a minute of the machine's time, and wherever a clock is moved.

    Readers check a checkpoint's expiry themselves; results and sessions last until it comes.
    """

    def __init__(
        self,
        store: Store,
        clocks: Clocks,
        recorder: Recorder,
        on_expired: Callable[[Sequence[str]], None],
        *,
        result_ttl: float,
        session_timeout: float,
    ) -> None:
        """`on_expired` is told, on the event loop, whose results are gone: the ids of operations."""
        self._store = store
        self._clocks = clocks
        self._recorder = recorder
        self._on_expired = on_expired
        self._result_ttl = result_ttl
        self._session_timeout = session_timeout
        self._timer: Timer | None = None

    def start(self) -> None:
        self._timer = self._clocks.machine.call_later(ROUND_SECONDS, self._round)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    async def tidy(self, clock: str) -> None:
        """Let go of everything whose time is over by this tenant's clock, or by EVERYBODY's."""
        self._recorder.flush()  # a heartbeat that has come counts
        try:
            while await self._store.write(self._sweep, clock, asyncio.get_running_loop()):
                pass
        except StorageUnavailable:
            self._store.write_later(self._sweep, clock, asyncio.get_running_loop())

    def _round(self) -> None:
        self._recorder.flush()
        for clock in self._clocks.passing():
            self._store.write_later(self._sweep, clock, asyncio.get_running_loop())
        self.start()

    def _sweep(self, tx: Transaction, clock: str, loop: asyncio.AbstractEventLoop) -> bool:
        """A part of it, such as one transaction should take; returns whether there may be more."""
        results = forgetting.expire(tx, clock, after=self._result_ttl)
        gone = checkpoints.sweep(tx, clock)
        ended = sessions.expire(tx, clock, after=self._session_timeout)
        if results:
            tx.after_commit(lambda: loop.call_soon_threadsafe(self._on_expired, results))
        if results or gone or ended:
            log.info("expired: %d results, %d checkpoints, %d sessions", len(results), gone, ended)
        return bool(results or gone)
