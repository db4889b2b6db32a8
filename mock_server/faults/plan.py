"""The faults that are active: rules in the order of their arrival, each with its count of matching calls."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mock_server.faults.facts import Facts
    from mock_server.faults.registry import Effect, Phase
    from mock_server.faults.rule import FaultRule


@dataclass
class ActiveRule:
    """tenant: whose calls it concerns; None: everybody's. calls, struck: how many matched, how many it hit.

    number: what its draws come from beside the seed. Of a scenario's rule its place in the scenario, since ids tell
    what else the server had been asked for, and a replay must draw the same.
    """

    id: int
    rule: FaultRule
    effect: Effect
    tenant: str | None
    seed: int
    number: int
    calls: int = 0
    struck: int = 0

    def matches(self, operation: str | None, tenant: str | None, facts: Facts) -> bool:
        """Whether a call is one of those that this rule counts."""
        rule = self.rule
        return (
            (self.tenant is None or self.tenant == tenant)
            and (rule.operation is None or operation in rule.operation)
            and (rule.session is None or rule.session == facts.session)
            and (rule.run is None or rule.run == facts.run)
            and (rule.sampler is None or rule.sampler == facts.sampler)
            and (rule.seq_id is None or facts.seq_id in rule.seq_id)
        )


@dataclass(frozen=True)
class Strike:
    """One rule about to act on one call. random: the same for the same seed, rule and call."""

    rule: ActiveRule
    phase: Phase
    random: Random


class FaultPlan:
    """All active rules. Without any, the server asks one attribute and goes on."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.active: list[ActiveRule] = []
        self._next = 1

    def add(
        self, rule: FaultRule, tenant: str | None = None, seed: int | None = None, number: int | None = None
    ) -> ActiveRule:
        """Activate a rule, for one tenant or for all. seed: the server's by default; number: the rule's id."""
        seed, number = self.seed if seed is None else seed, self._next if number is None else number
        active = ActiveRule(self._next, rule, rule.acts, tenant, seed, number)
        self._next += 1
        self.active = [*self.active, active]
        return active

    def remove(self, rule_id: int) -> bool:
        """Deactivate a rule; returns whether there was one of that id."""
        left = [each for each in self.active if each.id != rule_id]
        found = len(left) < len(self.active)
        self.active = left
        return found

    def clear(self, tenant: str | None = None) -> None:
        """Deactivate a tenant's rules; all of everybody's without one."""
        self.active = [] if tenant is None else [each for each in self.active if each.tenant != tenant]

    @property
    def looks_into_bodies(self) -> bool:
        return any(each.rule.looks_into_bodies for each in self.active)

    def strikes(self, operation: str | None, tenant: str | None, facts: Facts) -> list[Strike]:
        """Count the call for every rule that it matches, and return those that hit it, in the order of the rules."""
        found = []
        for each in self.active:
            if each.matches(operation, tenant, facts):
                each.calls += 1
                random = Random(f"{each.seed}/{each.number}/{each.calls}")  # noqa: S311 - a replay must draw the same
                if each.rule.strikes(each.calls, random.random()):
                    each.struck += 1
                    found.append(Strike(each, each.rule.phase, random))
        return found
