"""One time line: what its clock shows, and what falls due on it.

It passes like the machine's time, perhaps ahead of it, or stands until somebody moves it. It never goes backwards.
"""

from __future__ import annotations

import asyncio
from itertools import count
from operator import attrgetter
from time import time
from typing import TYPE_CHECKING, Final, Literal

from mock_server.runtime.clock import TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Callable

Mode = Literal["real", "manual", "auto"]
"""Passes like the machine's time; stands until it is moved; passes, and skips what nobody does anything in."""

_NUMBERS: Final = count()
_BY_TIME: Final = attrgetter("due", "number")


class Event:
    """A call that falls due. number: the order of their making. waited: by a client."""

    __slots__ = ("callback", "due", "handle", "number", "tenant", "timeline", "waited")

    def __init__(
        self, timeline: Timeline, tenant: str, due: float, callback: Callable[[], object], *, waited: bool
    ) -> None:
        self.timeline = timeline
        self.tenant = tenant
        self.due = due
        self.callback = callback
        self.waited = waited
        self.number = next(_NUMBERS)
        self.handle: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        self.timeline.remove(self)

    def happen(self) -> None:
        self.timeline.remove(self)
        self.callback()


class Timeline:
    """A clock and its events. Lives on the event loop; only `now` may be asked from any thread.

    owner: the tenant whose it is; "" for that of all who have none of their own.
    began: what it showed when this life of the server began.
    follows: whether its mode is the server's default, whatever that becomes.
    """

    def __init__(
        self, mode: Mode = "real", owner: str = "", *, ahead: float = 0.0, stands_at: float | None = None
    ) -> None:
        """ahead: seconds beyond the machine's time, where it passes. stands_at: what it shows, where it stands."""
        self.mode: Mode = mode
        self.owner = owner
        self.follows = True
        self.moving = asyncio.Lock()
        self.ahead = ahead
        self.stands_at = stands_at
        if mode == "manual" and stands_at is None:
            self.stands_at = _rounded(time() + ahead)
        self.began = self.now()
        self._events: set[Event] = set()
        self._made = 0

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return time() + self.ahead if self.stands_at is None else self.stands_at

    def call_later(
        self, seconds: float, callback: Callable[[], object], *, tenant: str = "", waited: bool = False
    ) -> Event:
        """Call back when that much of its time has passed."""
        event = Event(self, tenant, self.now() + seconds, callback, waited=waited)
        self._events.add(event)
        self._made += 1
        if self.stands_at is None:
            event.handle = asyncio.get_running_loop().call_later(seconds, event.happen)
        return event

    def remove(self, event: Event) -> None:
        """It has happened, or is not to happen."""
        self._events.discard(event)
        if event.handle is not None:
            event.handle.cancel()
            event.handle = None

    @property
    def waiting(self) -> int:
        """How many clients wait for its time to pass."""
        return sum(event.waited for event in self._events)

    def newest(self) -> int:
        """A number that every event made from now on is above."""
        return next(_NUMBERS)

    def next_due(self, made_by: int | None = None) -> float | None:
        """When the next event falls due, if one does. made_by: leave out clients that came to wait later."""
        return min(
            (event.due for event in self._events if made_by is None or not event.waited or event.number <= made_by),
            default=None,
        )

    def move_to(self, to: float) -> None:
        """Let its clock show this time, and all happen that falls due till then, in that order.

        An earlier time than it shows changes nothing.
        """
        while due := sorted((event for event in self._events if event.due <= to + TOLERANCE), key=_BY_TIME):
            made = self._made
            for event in due:
                if event in self._events:
                    self._show(event.due)
                    event.happen()
                if self._made != made:
                    break  # what came in may fall due before the next
        self._show(_rounded(to))
        self._arm()

    def turn(self, mode: Mode) -> None:
        """Go on in this mode from what its clock shows, or from the machine's time where it had fallen behind that."""
        now = self.now()
        if mode == "manual":
            self.stands_at, self.ahead = _rounded(now), 0.0
        else:
            self.stands_at, self.ahead = None, max(0.0, now - time())
        self.mode = mode
        self._arm()

    def take_from(self, other: Timeline, tenant: str) -> None:
        """Take over the tenant's events from a time line that shows the same time."""
        for event in [event for event in other._events if event.tenant == tenant]:
            other.remove(event)
            event.timeline = self
            self._events.add(event)
        self._arm()

    def _show(self, at: float) -> None:
        if self.stands_at is None:
            self.ahead += max(0.0, at - self.now())
        else:
            self.stands_at = max(self.stands_at, at)

    def _arm(self) -> None:
        """Let the event loop call what happens by itself, as this time passes."""
        now = self.now()
        for event in self._events:
            if event.handle is not None:
                event.handle.cancel()
                event.handle = None
            if self.stands_at is None:
                event.handle = asyncio.get_running_loop().call_later(max(0.0, event.due - now), event.happen)


def _rounded(at: float) -> float:
    """To the microsecond, so that a clock moved in two steps shows the same as one that was moved in one."""
    return round(at, 6)
