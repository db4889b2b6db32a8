"""What the passing of time brings about: whoever waited goes on, and what has expired is let go."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from mock_server.store import StorageUnavailable

if TYPE_CHECKING:
    from mock_server.runtime.board import Board, LiveOperation
    from mock_server.runtime.clocks import Lives
    from mock_server.runtime.janitor import Janitor
    from mock_server.runtime.recorder import Recorder
    from mock_server.runtime.run_registry import RunRegistry

_TURNS: Final = 10
"""Of the event loop: more than it takes from a timer to the answer that it was for, or to the next wait."""


class ServerPassing:
    """The server, as far as time has a part in it."""

    def __init__(self, board: Board, runs: RunRegistry, recorder: Recorder, janitor: Janitor) -> None:
        self._board = board
        self._runs = runs
        self._recorder = recorder
        self._janitor = janitor
        self._over = False

    def end(self) -> None:
        """The life ends: what is unfinished now will be worked on by the next, and nobody may wait for it here."""
        self._over = True

    def idle(self, lives: Lives) -> bool:
        """Whether nothing of these tenants is being worked on, nor waits for a request that is missing before it."""
        return not any(lives(operation.tenant) for operation in self._board.unended)

    async def settle(self, lives: Lives) -> None:
        """Return when what was woken has been done: requests answered, given-up gaps left behind, work carried out."""
        for _ in range(2):  # what was woken may have written, and go on only now
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            with suppress(StorageUnavailable):
                await self._recorder.settle()
            at_work = [operation for operation in self._board.unended if lives(operation.tenant)]
            while not self._over and any(map(self._is_worked_on, at_work)):  # noqa: ASYNC110 - work tells whoever asked, not us
                await asyncio.sleep(0.002)

    async def expire(self, clock: str) -> None:
        """Let go of what has expired by this tenant's clock, or by EVERYBODY's."""
        await self._janitor.tidy(clock)

    def _is_worked_on(self, operation: LiveOperation) -> bool:
        return operation.outcome is None and (operation.kind == "sample" or not self._runs.rests(operation.target))
