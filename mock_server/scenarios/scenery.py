"""What a server sets up around a tenant's scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_server.domain import oversight
from mock_server.domain.clocks import EVERYBODY

if TYPE_CHECKING:
    from collections.abc import Callable

    from mock_server.scenarios.scenario import Scenario
    from mock_server.worlds import Worlds


class ServerScenery:
    """The scenery of one server. worlds: the server's, once it has started."""

    def __init__(self, worlds: Callable[[], Worlds]) -> None:
        self._worlds = worlds

    async def set_up(self, tenant: str, scenario: Scenario, *, invited: bool) -> int:
        """Returns the number of the tenant's first request that belongs to the scenario.

        invited: a request of the tenant brought it about, and is the first.
        """
        worlds = self._worlds()
        clocks, seed_data = worlds.runtime.clocks, scenario.given.seed_data
        if scenario.clock != clocks.line_of(tenant).mode:
            await clocks.set(tenant, scenario.clock)
        if seed_data is not None:
            # Who has something has had its seed data: before the server started again, or in the same scenario.
            there = await worlds.runtime.store.read(oversight.belongings, tenant)
            if not there.sessions:
                await worlds.sow(tenant, seed_data)
        last = 0 if worlds.journal is None else worlds.journal.last(tenant)
        return last if invited else last + 1

    async def take_down(self, tenant: str) -> None:
        """Leave no trace of the scenario but what its client did: let the tenant's time pass as everybody's does."""
        clocks = self._worlds().runtime.clocks
        shared = clocks.line_of(EVERYBODY).mode
        if clocks.line_of(tenant).mode != shared:
            await clocks.set(tenant, shared)
