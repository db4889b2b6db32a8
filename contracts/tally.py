"""Findings counted by check, and shown on a terminal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from contracts.requirements import requirements
from contracts.verdicts import CHECKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from contracts.requirements import Requirement
    from contracts.verdicts import Finding


@dataclass
class Count:
    """How often a check passed and failed, and its first failure."""

    passed: int = 0
    failed: int = 0
    first: Finding | None = None


@dataclass
class Tally:
    """Add findings as they come; ask at any time. Keeps one failure of each check, so it does not grow."""

    exchanges: int = 0
    counts: dict[str, Count] = field(default_factory=dict)

    def add(self, findings: Iterable[Finding]) -> list[Finding]:
        """Count what was found in one exchange; returns the failures of checks that had not failed before."""
        self.exchanges += 1
        return [finding for finding in findings if self.count(finding)]

    def count(self, finding: Finding) -> bool:
        """Count what was found apart from any exchange; returns whether it is the first failure of its check."""
        count = self.counts.setdefault(finding.check, Count())
        if finding.passed:
            count.passed += 1
            return False
        count.failed += 1
        first = count.first is None
        if first:
            count.first = finding
        return first

    @property
    def broken(self) -> bool:
        """Whether a MUST was not kept."""
        return any(requirement.keyword == "MUST" for requirement, _ in self.failures())

    def failures(self) -> Iterator[tuple[Requirement, Finding]]:
        """The first failure of each check that failed, those of a MUST first."""
        failed = [count.first for count in self.counts.values() if count.first is not None]
        pairs = [(requirement_of(finding), finding) for finding in failed]
        yield from sorted(pairs, key=lambda pair: (pair[0].keyword, pair[0].side, pair[0].id))

    def lines(self) -> Iterator[str]:
        """The verdict, to be read by a person."""
        for requirement, finding in self.failures():
            count = self.counts[finding.check]
            times = f"{count.failed} of {count.failed + count.passed} times"
            yield f"{requirement.keyword} {requirement.side}: {requirement.text}"
            yield f"    {finding.check} ({requirement.id}) failed {times}: {finding.evidence}"
            yield from (f"    {exchange}" for exchange in finding.exchanges)
        held = sum(count.failed == 0 for count in self.counts.values())
        musts = sum(requirement.keyword == "MUST" for requirement, _ in self.failures())
        shoulds = len(self.counts) - held - musts
        yield f"{self.exchanges} exchanges: {held} checks held, {musts} MUST and {shoulds} SHOULD failed"


def requirement_of(finding: Finding) -> Requirement:
    """What the check of a finding stands for."""
    return requirements()[CHECKS[finding.check].requirement]
