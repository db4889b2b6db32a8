"""The faults that are active: rules in the order of their arrival, each with its count of matching calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mock_server.faults.facts import Facts
    from mock_server.faults.registry import Effect, Phase
    from mock_server.faults.rule import FaultRule

Resolve = Callable[[str, str | None, str], str | None]
"""(noun, tenant, name): what a placeholder such as `$first` stands for; any other name stands for itself."""


@dataclass
class ActiveRule:
    """tenant: whose calls it concerns; None: everybody's. calls, struck, missed: how many matched, how many of these it
    hit, and in how many of those there was nothing to act on. kept: what its effect remembers between calls.

    number: what its draws come from beside the seed. Of a scenario's rule its place in the scenario, else its place
    among its tenant's rules: ids tell what else the server had been asked for, and a replay must draw the same.
    """

    id: int
    rule: FaultRule
    effect: Effect
    tenant: str | None
    seed: int
    number: int
    calls: int = 0
    struck: int = 0
    missed: int = 0
    kept: dict[str, Any] = field(default_factory=dict)

    def concerns(self, operation: str, tenant: str | None) -> bool:
        """Whether a call may be one of those that this rule counts, as far as its head tells."""
        return (self.tenant is None or self.tenant == tenant) and (
            self.rule.operation is None or operation in self.rule.operation
        )

    def matches(self, tenant: str | None, facts: Facts, resolve: Resolve) -> bool:
        """Whether it is one, as far as its body tells."""
        rule = self.rule
        return (
            all(
                wanted is None or (said is not None and resolve(noun, tenant, wanted) == said)
                for noun, wanted, said in (
                    ("session", rule.session, facts.session),
                    ("run", rule.run, facts.run),
                    ("sampler", rule.sampler, facts.sampler),
                )
            )
            and (rule.checkpoint is None or _is_it(rule.checkpoint, tenant, facts.checkpoint, resolve))
            and (rule.seq_id is None or facts.seq_id in rule.seq_id)
            and (rule.polled is None or facts.polled in rule.polled)
            and (rule.sdk_version is None or facts.sdk_version in rule.sdk_version)
        )

    def strike(self) -> Strike | None:
        """Count a matching call; the strike, if it hits it."""
        self.calls += 1
        random = Random(f"{self.seed}/{self.number}/{self.calls}")  # noqa: S311 - a replay must draw the same
        if not self.rule.strikes(self.calls, random.random()):
            return None
        self.struck += 1
        return Strike(self, self.rule.phase, random)


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
        """Activate a rule, for one tenant or for all. seed: the server's by default; number: see ActiveRule."""
        if number is None:
            number = 1 + sum(each.tenant == tenant for each in self.active)
        active = ActiveRule(self._next, rule, rule.acts, tenant, self.seed if seed is None else seed, number)
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

    def is_about(self, tenant: str | None) -> bool:
        """Whether a rule concerns calls of the tenant."""
        return any(each.tenant is None or each.tenant == tenant for each in self.active)

    def concerning(self, operation: str, tenant: str | None) -> list[ActiveRule]:
        """The rules that a call may have to do with, in their order."""
        return [each for each in self.active if each.concerns(operation, tenant)]


def _is_it(wanted: str, tenant: str | None, said: str | None, resolve: Resolve) -> bool:
    """By its whole path or by its name alone."""
    return said is not None and (wanted == said.rpartition("/")[2] or resolve("checkpoint", tenant, wanted) == said)
