"""All clocks of the server: each tenant's own, where it was given one, and the one that all others share.

What a clock shows is written down before anybody sees it, so that no time goes backwards at the next start.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from time import time
from typing import TYPE_CHECKING, Final, Protocol

from mock_server.domain import clocks
from mock_server.domain.clocks import EVERYBODY
from mock_server.domain.errors import Invalid
from mock_server.runtime.idle_time import IdleTime
from mock_server.runtime.timeline import Mode, Timeline
from mock_server.store.tables import Clock as Row

if TYPE_CHECKING:
    from mock_server.runtime.clock import Clock, Timer
    from mock_server.store import Store

LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC).timestamp()
"""No clock is set beyond this, so that whatever is added to its time is a date still."""

Lives = Callable[[str], bool]
"""Whether a tenant goes by the clock at hand."""


class Passing(Protocol):
    """What the passing of time brings about in the server."""

    def idle(self, lives: Lives) -> bool:
        """Whether nothing of these tenants is being worked on."""

    async def settle(self, lives: Lives) -> None:
        """Return when what was woken has been done."""

    async def expire(self, clock: str) -> None:
        """Let go of what has expired by this tenant's clock, or by EVERYBODY's."""


class Clocks:
    """Which clock each tenant goes by. Lives on the event loop; only `now` may be asked from any thread."""

    def __init__(self, mode: Mode = "real") -> None:
        """mode: of all tenants that are given none."""
        self.machine = Timeline()
        """For what no tenant can be named for."""
        self._shared = Timeline(mode)
        self._own: dict[str, Timeline] = {}
        self._idle_time = IdleTime(self._is_idle, self._skip)

    async def begin(self, store: Store, passing: Passing) -> None:
        """Take up the clocks as the last life of the server left them."""
        self._store = store
        self._passing = passing
        for row in await store.read(clocks.kept):
            shows = time() + row.ahead if row.stands_at is None else row.stands_at
            mode = self._shared.mode if row.mode is None else _mode(row.mode)
            stands_at = shows if mode == "manual" else None
            line = Timeline(mode, row.tenant, ahead=max(0.0, shows - time()), stands_at=stands_at)
            line.follows = row.mode is None
            if row.tenant == EVERYBODY:
                self._shared = line
            else:
                self._own[row.tenant] = line
        if self._shared.stands_at is not None:
            await self._keep(self._shared)

    def resume(self, passing: Passing) -> None:
        """Go on in the next life of the server, which begins now."""
        self._passing = passing
        for line in (self._shared, *self._own.values()):
            line.began = line.now()

    async def stop(self) -> None:
        """Skip no more time."""
        await self._idle_time.stop()

    # Asking.

    def now(self, tenant: str | None) -> float:
        """Seconds since the epoch, UTC, by the tenant's clock; by the machine's for None."""
        return (self.machine if tenant is None else self.line_of(tenant)).now()

    def of(self, tenant: str | None) -> Clock:
        """The tenant's clock, whatever becomes of it; the machine's for None."""
        return self.machine if tenant is None else TenantClock(self, tenant)

    def line_of(self, tenant: str) -> Timeline:
        """What the tenant goes by at the moment; of EVERYBODY, what all go by who have no clock of their own."""
        return self._own.get(tenant, self._shared)

    def began(self, tenant: str) -> float:
        """What the tenant's clock showed when this life of the server began."""
        return self.line_of(tenant).began

    def passing(self) -> list[str]:
        """Whose clocks pass by themselves: EVERYBODY's, and some tenants' own."""
        lines = [self._shared, *self._own.values()]
        return [line.owner for line in lines if line.stands_at is None]

    def call_later(self, tenant: str, seconds: float, callback: Callable[[], object], *, waited: bool = False) -> Timer:
        """Call back when that much of the tenant's time has passed."""
        line = self.line_of(tenant)
        if line.mode == "auto" and line is self._shared:
            # What one tenant does nothing in, another may need: none skips time for all.
            line = self._own_line(tenant)
        timer = line.call_later(seconds, callback, tenant=tenant, waited=waited)
        if waited and line.mode == "auto":
            self._idle_time.watch(line)
        return timer

    # Moving.

    async def set(self, tenant: str, mode: Mode | None = None, now: float | None = None) -> None:
        """Give the tenant a clock of this mode, or EVERYBODY who has been given none; perhaps at a later time.

        Without a mode it stays as it is. Returns when all has happened that fell due. Invalid for an earlier time.
        """
        for line in self._lines_of(tenant):
            async with line.moving:
                self._check("now", now, line.now())
                line.follows = line.follows and (mode is None or tenant == EVERYBODY)
                if mode == "manual":
                    await self._turn(line, mode)  # first, so that it shows that very time
                if now is not None:
                    await self._move(line, now)
                if mode is not None and mode != "manual":
                    await self._turn(line, mode)

    async def advance(self, tenant: str, *, seconds: float = 0.0, to: float | None = None) -> None:
        """Move the tenant's clock on by so many seconds, or to a time; or that of EVERYBODY who has none.

        Returns when all has happened that fell due. Invalid for an earlier time.
        """
        lines = self._lines_of(tenant)
        for line in lines:
            async with line.moving:
                shows = line.now()
                target = shows + seconds if to is None else to
                if line is lines[0]:
                    self._check("seconds" if to is None else "to", target, shows)
                await self._move(line, max(target, line.now()))

    async def forget(self, tenant: str) -> None:
        """Let the tenant, of whom nothing is left, go by the shared clock again, wherever its own had got."""
        await self._store.write(clocks.forget, tenant)
        line = self._own.pop(tenant, None)
        if line is not None:
            self._shared.take_from(line, tenant)

    def _lines_of(self, tenant: str) -> list[Timeline]:
        if tenant != EVERYBODY:
            return [self._own_line(tenant)]
        return [self._shared, *(line for line in self._own.values() if line.follows)]

    def _own_line(self, tenant: str) -> Timeline:
        """The tenant's own, made to show what it saw so far."""
        line = self._own.get(tenant)
        if line is None:
            shared = self._shared
            line = Timeline(shared.mode, tenant, ahead=shared.ahead, stands_at=shared.stands_at)
            line.began = shared.began
            self._own[tenant] = line
            line.take_from(shared, tenant)
        return line

    def _check(self, field: str, to: float | None, shows: float) -> None:
        if to is not None and to < shows:
            raise Invalid(
                f"{field} is {shown(to)}, and the clock shows {shown(shows)}: time never goes backwards, "
                "so give a later one"
            )
        if to is not None and to > LATEST:
            raise Invalid(f"{field} leads beyond {shown(LATEST)}: give less")

    async def _turn(self, line: Timeline, mode: Mode) -> None:
        if mode != "manual":
            if line.now() < time():
                await self._move(line, time())
            await self._keep(line, mode)
            line.turn(mode)
            if line.waiting and mode == "auto":
                self._idle_time.watch(line)
        else:
            line.turn(mode)
            await self._keep(line)

    async def _move(self, line: Timeline, to: float) -> None:
        """Let this much time pass, and all happen that it brings about, each thing at its time.

        Whoever comes to wait meanwhile is woken at the end: else a client that asks again whenever it is answered
        would be answered once for every half minute of a day that is skipped.
        """
        await self._keep(line, to=to)
        before = line.newest()
        while (due := line.next_due(made_by=before)) is not None and due <= to:
            line.move_to(due)
            await self._passing.settle(self._lives(line))
        line.move_to(to)
        await self._passing.settle(self._lives(line))
        await self._passing.expire(line.owner)

    async def _keep(self, line: Timeline, mode: Mode | None = None, to: float | None = None) -> None:
        """Write down what it will show in this mode, at this time; else what it shows."""
        mode = mode or line.mode
        shows = line.now() if to is None else to
        row = Row(
            tenant=line.owner,
            mode=None if line.follows else mode,
            ahead=0.0 if mode == "manual" else max(0.0, shows - time()),
            stands_at=shows if mode == "manual" else None,
        )
        await self._store.write(clocks.keep, row)

    # Skipping what nobody does anything in.

    def _is_idle(self, line: Timeline) -> bool:
        return self._passing.idle(self._lives(line))

    async def _skip(self, line: Timeline) -> None:
        async with line.moving:
            due = line.next_due()
            if line.mode == "auto" and due is not None and due > line.now():
                await self._move(line, due)

    def _lives(self, line: Timeline) -> Lives:
        return lambda tenant: self.line_of(tenant) is line


class TenantClock:
    """A tenant's clock, for whoever holds it for long: the tenant may be given another time line meanwhile."""

    __slots__ = ("_clocks", "_tenant")

    def __init__(self, clocks: Clocks, tenant: str) -> None:
        self._clocks = clocks
        self._tenant = tenant

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return self._clocks.now(self._tenant)

    def call_later(self, seconds: float, callback: Callable[[], object], *, waited: bool = False) -> Timer:
        """Call back when that much of the tenant's time has passed."""
        return self._clocks.call_later(self._tenant, seconds, callback, waited=waited)


def shown(at: float) -> str:
    """A time as people and programs read it: 2026-07-28T12:00:00.000000Z."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _mode(text: str) -> Mode:
    match text:
        case "real" | "manual" | "auto":
            return text
        case _:
            raise AssertionError(f"a clock of mode {text!r} was written down by no version of this server")
