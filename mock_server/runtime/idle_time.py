"""Time in which a client waits and nothing is done: on a clock of mode `auto` it is skipped."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from mock_server.store import StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mock_server.runtime.timeline import Timeline

log = logging.getLogger(__name__)

QUIET_SECONDS: Final = 0.02
"""Of the machine's time, before time is skipped: a client that asks again and again is answered fifty times a second,
not as often as the machine can."""


class IdleTime:
    """Watches the time lines that somebody waits on."""

    def __init__(self, idle: Callable[[Timeline], bool], skip: Callable[[Timeline], Awaitable[None]]) -> None:
        """`idle`: whether nothing is being done for those who go by it. `skip`: move it to whatever falls due next."""
        self._idle = idle
        self._skip = skip
        self._watched: dict[Timeline, asyncio.TimerHandle] = {}
        self._skipping: set[asyncio.Task[None]] = set()

    def watch(self, line: Timeline) -> None:
        """A client waits for its time to pass."""
        if line not in self._watched:
            self._watched[line] = asyncio.get_running_loop().call_later(QUIET_SECONDS, self._look, line)

    async def stop(self) -> None:
        for handle in self._watched.values():
            handle.cancel()
        for task in self._skipping:
            task.cancel()
        await asyncio.gather(*self._skipping, return_exceptions=True)

    def _look(self, line: Timeline) -> None:
        del self._watched[line]
        if line.mode != "auto" or not line.waiting:
            return
        if not self._idle(line):
            self.watch(line)
            return
        task = asyncio.create_task(self._skipped(line))
        self._skipping.add(task)
        task.add_done_callback(self._skipping.discard)

    async def _skipped(self, line: Timeline) -> None:
        try:
            await self._skip(line)
        except StorageUnavailable as error:
            log.warning("no time is skipped: %s", error)
        if line.waiting:
            self.watch(line)
