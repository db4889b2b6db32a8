"""Who plays which scenario: every tenant one of its own, or none, independent of all others."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from mock_server.faults.problems import unknown
from mock_server.scenarios.errors import UnknownScenario

if TYPE_CHECKING:
    from mock_server.faults import ActiveRule, FaultPlan
    from mock_server.scenarios.library import Library
    from mock_server.scenarios.scenario import Scenario

KEY_PREFIX: Final = "tml-scenario-"
Choice = Literal["command line", "control plane", "header", "API key"]


class Scenery(Protocol):
    """What the server sets up around a tenant's scenario, and takes away behind it."""

    async def set_up(self, tenant: str, scenario: Scenario, *, invited: bool) -> int:
        """Returns the number of the tenant's first request that belongs to the scenario.

        invited: a request of the tenant brought it about, and is the first.
        """

    async def take_down(self, tenant: str) -> None: ...


@dataclass(frozen=True)
class Playing:
    """A tenant's scenario. seed: of its draws. rules: its faults. since: the number of its first request."""

    scenario: Scenario
    tenant: str
    chosen_by: Choice
    seed: int
    rules: tuple[ActiveRule, ...]
    since: int


class Stage:
    """All scenarios that are being played. Lives on the event loop."""

    def __init__(self, library: Library, plan: FaultPlan, scenery: Scenery, everybodys: Scenario | None = None) -> None:
        """`everybodys`: what tenants play who chose nothing."""
        self.library = library
        self.everybodys = everybodys
        self._plan = plan
        self._scenery = scenery
        self._playing: dict[str, Playing] = {}
        self._left: set[str] = set()
        """Tenants whom the control plane let out of what everybody plays."""
        self._turn = asyncio.Lock()

    @property
    def all(self) -> list[Playing]:
        """What is being played, in the order of its beginning."""
        return list(self._playing.values())

    def of(self, tenant: str | None) -> Playing | None:
        """What the tenant plays."""
        return None if tenant is None else self._playing.get(tenant)

    async def enter(self, tenant: str, scenario: Scenario, chosen_by: Choice, seed: int | None = None) -> Playing:
        """Begin the scenario for the tenant, from its beginning, in place of what it played before."""
        async with self._turn:
            return await self._begin(tenant, scenario, chosen_by, seed)

    async def invite(self, tenant: str, key: str, header: str | None) -> None:
        """See to it that a client that comes plays what it asks for by a header or its key, or what everybody plays.

        Raises NoScenario.
        """
        if self._is_settled(tenant, key, header):
            return
        async with self._turn:
            # Of requests that come together the first may have settled it for all.
            if self._is_settled(tenant, key, header):
                return
            if header is not None:
                await self._begin(tenant, await asyncio.to_thread(self.library.__getitem__, header), "header", None)
            elif key.startswith(KEY_PREFIX):
                await self._begin(tenant, await asyncio.to_thread(self._named_by, key), "API key", None)
            elif self.everybodys is not None:
                await self._begin(tenant, self.everybodys, "command line", None)

    async def leave(self, tenant: str) -> None:
        """End what the tenant plays."""
        async with self._turn:
            self._left.add(tenant)
            await self._end(tenant)

    async def forget(self, tenant: str) -> None:
        """The tenant begins anew: what it plays ends, and what it chooses by its key or a header begins again."""
        async with self._turn:
            await self._end(tenant)
            self._left.discard(tenant)

    def flags(self, tenant: str, name: Literal["client_config", "dynamic_config"]) -> dict[str, Any]:
        """The flags that the tenant's scenario tells its client."""
        playing = self._playing.get(tenant)
        flags: dict[str, Any] = {} if playing is None else getattr(playing.scenario, name)
        return flags

    def _is_settled(self, tenant: str, key: str, header: str | None) -> bool:
        playing = self._playing.get(tenant)
        if header is not None:
            return playing is not None and playing.scenario.id == header
        asks_for_none = self.everybodys is None and not key.startswith(KEY_PREFIX)
        return playing is not None or asks_for_none or tenant in self._left

    async def _begin(self, tenant: str, scenario: Scenario, chosen_by: Choice, seed: int | None) -> Playing:
        await self._end(tenant)
        seed = scenario.seed if seed is None else seed
        since = await self._scenery.set_up(tenant, scenario, invited=chosen_by != "control plane")
        rules = tuple(self._plan.add(rule, tenant, seed, number) for number, rule in enumerate(scenario.faults, 1))
        self._left.discard(tenant)
        playing = self._playing[tenant] = Playing(scenario, tenant, chosen_by, seed, rules, since)
        return playing

    async def _end(self, tenant: str) -> None:
        playing = self._playing.pop(tenant, None)
        if playing is not None:
            for rule in playing.rules:
                self._plan.remove(rule.id)
            await self._scenery.take_down(tenant)

    def _named_by(self, key: str) -> Scenario:
        """The scenario of `tml-scenario-ID` or `tml-scenario-ID-anything`: the longest ID that there is."""
        words = key.removeprefix(KEY_PREFIX).split("-")
        ids = ("-".join(words[:count]) for count in range(len(words), 0, -1))
        known = set(self.library.ids)
        found = next((scenario_id for scenario_id in ids if scenario_id in known), None)
        if found is None:
            raise UnknownScenario(f"scenario {unknown('-'.join(words), known)}")
        return self.library[found]
