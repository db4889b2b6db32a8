"""What a server sets up around a tenant's scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_server.scenarios.errors import Fault, InvalidScenario

if TYPE_CHECKING:
    from collections.abc import Callable

    from mock_server.journal import Journal
    from mock_server.runtime import Clocks
    from mock_server.scenarios.scenario import Scenario


class ServerScenery:
    """The scenery of one server. journal: None where it keeps none. clocks: the server's, once it has started."""

    def __init__(self, journal: Journal | None, clocks: Callable[[], Clocks]) -> None:
        self._journal = journal
        self._clocks = clocks

    async def set_up(self, tenant: str, scenario: Scenario, *, invited: bool) -> int:
        """Returns the number of the tenant's first request that belongs to the scenario.

        invited: a request of the tenant brought it about, and is the first.
        """
        if scenario.given.seed_data is not None:
            raise InvalidScenario([Fault("", 0, 0, "this server has no seed data")])
        if scenario.clock != self._clocks().line_of(tenant).mode:
            await self._clocks().set(tenant, scenario.clock)
        last = 0 if self._journal is None else self._journal.last(tenant)
        return last if invited else last + 1

    async def take_down(self, tenant: str) -> None:
        """Leave no trace of the scenario but what its client did: let the tenant's time pass as everybody's does."""
        clocks = self._clocks()
        shared = clocks.line_of(None).mode
        if clocks.line_of(tenant).mode != shared:
            await clocks.set(tenant, shared)
