"""Time as the server sees it. Whatever waits or expires asks a clock, never the operating system."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

TOLERANCE: Final = 1e-6
"""Seconds by which something may happen early: sums of times since the epoch are exact to a quarter of that."""


class Timer(Protocol):
    """Something that will happen, and can be called off."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """One tenant's time."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""

    def call_later(self, seconds: float, callback: Callable[[], object], *, waited: bool = False) -> Timer:
        """Call back, on the event loop, when that much of this clock's time has passed.

        waited: a client waits for it, so that a clock that skips idle time skips to it.
        """


async def pause(clock: Clock, seconds: float) -> None:
    """Return when that much of the clock's time has passed. A client waits for it meanwhile."""
    if seconds > 0:
        over = asyncio.Event()
        timer = clock.call_later(seconds, over.set, waited=True)
        try:
            await over.wait()
        finally:
            timer.cancel()
