"""The server's clock. Whatever waits or expires asks it, never the operating system."""

import asyncio
from collections.abc import Callable
from time import time
from typing import Protocol


class Timer(Protocol):
    """Something that will happen, and can be called off."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Time as the server sees it."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Call back, on the event loop, when that much of this clock's time has passed."""


class RealClock:
    """The time of the machine."""

    def now(self) -> float:
        return time()

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        return asyncio.get_running_loop().call_later(seconds, callback)
