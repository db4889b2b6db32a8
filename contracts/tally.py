"""Findings counted by check, by operation and by what went wrong, and shown on a terminal."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from contracts.requirements import requirements
from contracts.spec import operation_of
from contracts.verdicts import CHECKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from contracts.exchange import Exchange
    from contracts.requirements import Requirement
    from contracts.verdicts import Finding

DISTINCT: Final = 30
"""Failures of one check that are told apart; what comes beyond is counted with the last."""
SHOWN: Final = 3
"""Failures of one check on a terminal; reports in files have them all."""

_NAMES: Final = re.compile(
    r"""'[^']*'|"[^"]*"|[0-9a-f]{8}-[-0-9a-f]+\S*|tinker://\S+|(?<!status )(?<!answered )\b\d+(\.\d+)?""",
)
"""What differs between two failures that are the same: quoted values, ids, numbers, but no status."""


@dataclass
class Failure:
    """What went wrong in one way with one operation, and how often. operation: its id; empty where it is of none."""

    finding: Finding
    operation: str
    count: int = 1


@dataclass
class Count:
    """How often a check passed and failed. passed_by: by operation, where that was told."""

    passed: int = 0
    failed: int = 0
    failures: dict[tuple[str, str], Failure] = field(default_factory=dict)
    passed_by: Counter[str] = field(default_factory=Counter)

    @property
    def first(self) -> Finding | None:
        """Its first failure."""
        return next((failure.finding for failure in self.failures.values()), None)


@dataclass
class Tally:
    """Add findings as they come; ask at any time. Keeps a bounded number of failures of each check."""

    exchanges: int = 0
    counts: dict[str, Count] = field(default_factory=dict)

    def add(self, findings: Iterable[Finding], operation: str = "") -> list[Finding]:
        """Count what was found in one exchange; returns the failures of checks that had not failed before.

        operation: the id of the exchange's operation, where it is known already.
        """
        self.exchanges += 1
        return [finding for finding in findings if self.count(finding, operation)]

    def count(self, finding: Finding, operation: str = "") -> bool:
        """Count what was found apart from any exchange; returns whether it is the first failure of its check."""
        count = self.counts.setdefault(finding.check, Count())
        operation = finding.operation or operation
        if finding.passed:
            count.passed += 1
            count.passed_by[operation] += 1
            return False
        count.failed += 1
        operation = operation or _operation(finding)
        key = (operation, _NAMES.sub("#", finding.evidence))
        known = count.failures.get(key)
        if known is None and len(count.failures) == DISTINCT:
            known = list(count.failures.values())[-1]
        if known is None:
            count.failures[key] = Failure(finding, operation)
            return len(count.failures) == 1
        known.count += 1
        if known.operation == operation and _size(finding) < _size(known.finding):
            known.finding = finding  # the shortest request shows best what it takes
        return False

    @property
    def broken(self) -> bool:
        """Whether a MUST was not kept."""
        return any(requirement.keyword == "MUST" for requirement, _ in self.failed())

    def failed(self) -> Iterator[tuple[Requirement, str]]:
        """The checks that failed, those of a MUST first."""
        checks = [(requirement_of(name), name) for name, count in self.counts.items() if count.failed]
        yield from sorted(checks, key=lambda pair: (pair[0].keyword, pair[0].side, pair[0].id, pair[1]))

    def failures(self) -> Iterator[tuple[Requirement, Finding]]:
        """The first failure of each check that failed, those of a MUST first."""
        for requirement, check in self.failed():
            first = self.counts[check].first
            assert first is not None  # it failed
            yield requirement, first

    def lines(self) -> Iterator[str]:
        """The verdict, to be read by a person."""
        failed = list(self.failed())
        for requirement, check in failed:
            count = self.counts[check]
            yield f"{requirement.keyword} {requirement.side}: {requirement.text}"
            times = f"{count.failed} of {count.failed + count.passed} times"
            failures = list(count.failures.values())
            yield f"    {check} ({requirement.id}) failed {times}: {failures[0].finding.evidence}"
            yield from (f"    {exchange}" for exchange in failures[0].finding.exchanges)
            for failure in failures[1:SHOWN]:
                yield f"    and {failure.count} times in {failure.operation or 'all'}: {failure.finding.evidence}"
            if len(failures) > SHOWN:
                yield f"    and {len(failures) - SHOWN} more of the same"
        held = sum(count.failed == 0 for count in self.counts.values())
        musts = sum(requirement.keyword == "MUST" for requirement, _ in failed)
        yield f"{self.exchanges} exchanges: {held} checks held, {musts} MUST and {len(failed) - musts} SHOULD failed"


def requirement_of(check: str) -> Requirement:
    """What a check stands for. check: its id."""
    return requirements()[CHECKS[check].requirement]


def operation_id(exchange: Exchange) -> str:
    """The operation that an exchange asked for; empty where the contract knows none."""
    operation = operation_of(exchange.request.method, exchange.request.path)
    return "" if operation is None else operation.id


def _operation(finding: Finding) -> str:
    return operation_id(finding.exchanges[-1]) if finding.exchanges else ""


def _size(finding: Finding) -> int:
    return sum(len(exchange.request.body) + len(exchange.request.query) for exchange in finding.exchanges)
