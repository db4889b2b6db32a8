"""Callers that wait for something to happen, each for a time of its own. They hold no thread and no connection."""

import asyncio

from mock_server.runtime.clock import Clock


class Waiters:
    """Who waits for one thing."""

    __slots__ = ("_futures",)

    def __init__(self) -> None:
        self._futures: list[asyncio.Future[None]] = []

    def __bool__(self) -> bool:
        return bool(self._futures)

    async def wait(self, clock: Clock, seconds: float) -> None:
        """Return when it happened, or after so many seconds of the clock.

        One future a caller, so that a client that asks again can't end another's wait.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._futures.append(future)
        timer = clock.call_later(seconds, lambda: _finish(future), waited=True)
        try:
            await future
        finally:
            timer.cancel()
            if future in self._futures:
                self._futures.remove(future)

    def wake(self) -> None:
        """It happened."""
        for future in self._futures:
            _finish(future)
        self._futures.clear()


def _finish(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
