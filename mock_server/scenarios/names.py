"""The names that a scenario may use: operations, checks and requirements, which are the contract's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from mock_server.faults.problems import Problem, unknown
from mock_server.journal.wanted import KNOWN_FAULTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from mock_server.faults.problems import Place
    from mock_server.scenarios.scenario import Scenario


@dataclass(frozen=True)
class Names:
    """What there is to be named."""

    operations: Collection[str]
    checks: Collection[str]
    requirements: Collection[str]

    def problems(self, scenario: Scenario) -> Iterator[Problem]:
        """Names in a scenario that nothing has."""
        for place, given, known in self._named(scenario):
            if given not in known:
                yield Problem(place, unknown(given, known))

    def _named(self, scenario: Scenario) -> Iterator[tuple[Place, str, Collection[str]]]:
        for index, requirement in enumerate(scenario.requirements):
            yield ("requirements", index), requirement, self.requirements
        for index, rule in enumerate(scenario.faults):
            for operation in rule.operation or ():
                yield ("faults", index, "operation"), operation, self.operations
        for index, each in enumerate(scenario.expect.wire):
            if each.check is not None:
                yield ("expect", "wire", index, "check"), each.check, self.checks
            for operation in each.operation or ():
                yield ("expect", "wire", index, "operation"), operation, self.operations
            if each.fault is not None:
                yield ("expect", "wire", index, "fault"), each.fault, KNOWN_FAULTS


@cache
def names() -> Names:
    """Those of the contract that comes with this server."""
    # Only who reads scenarios needs them, and openapi.yaml takes a moment to read.
    from contracts.observer.observer import all_rules  # noqa: PLC0415
    from contracts.requirements import requirements  # noqa: PLC0415
    from contracts.spec import operations  # noqa: PLC0415

    return Names(frozenset(operations()), frozenset(rule.id for rule in all_rules()), frozenset(requirements()))
