"""The report as plain values: what was asked, what held, what failed, and with which evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from contracts.report.shown import ShownExchange
    from contracts.requirements import Keyword

VERSION: Final = 1
"""Of the JSON form; see report.schema.json."""

Outcome = Literal["kept", "broken", "untested"]
Verdict = Literal["kept", "broken", "incomplete"]


@dataclass(frozen=True)
class ShownFailure:
    """What went wrong in one way with one operation. count: how often. expected: whether it was listed as known."""

    check: str
    title: str
    requirement: str
    keyword: Keyword
    profile: str
    text: str
    source: str
    operation: str
    evidence: str
    count: int
    expected: bool
    exchanges: tuple[ShownExchange, ...]

    @property
    def told(self) -> str:
        """Of what, what was seen, and how often."""
        of = f"{self.operation}: " if self.operation else ""
        times = f" ({self.count} times)" if self.count > 1 else ""
        return f"{of}{self.evidence}{times}"


@dataclass(frozen=True)
class ShownCheck:
    """kind: which part ran it. passed, failed: how often."""

    id: str
    title: str
    kind: str
    requirement: str
    passed: int
    failed: int


@dataclass(frozen=True)
class ShownRequirement:
    """outcome: broken where one of its checks failed, untested where none was run."""

    id: str
    keyword: Keyword
    profile: str
    text: str
    source: str
    checks: tuple[str, ...]
    outcome: Outcome


@dataclass(frozen=True)
class Score:
    """How many requirements of a kind are kept, broken, and untested."""

    kept: int
    broken: int
    untested: int

    @property
    def percent(self) -> float | None:
        """Of those that were tested the part that is kept, 0 to 100; None where none was tested."""
        tested = self.kept + self.broken
        return round(100 * self.kept / tested, 1) if tested else None


@dataclass(frozen=True)
class ProfileScore:
    """Of one profile: what it is about, and how its requirements stand."""

    name: str
    title: str
    must: Score
    should: Score


@dataclass(frozen=True)
class ShownPart:
    """ended: how, where it did not come to its end. crashed: whether the suite is to blame for that."""

    name: str
    seconds: float
    ended: str
    crashed: bool
    exchanges: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Stale:
    """A failure that was listed as known and did not happen. line: of the file."""

    check: str
    operation: str
    line: int


@dataclass(frozen=True)
class Report:
    """started: RFC 3339, UTC. seconds: the whole run. repeat: the command that does the same again.

    verdict: kept where no MUST is broken but those expected, and no expected failure is stale; incomplete where a part
    of the suite stumbled, which says nothing about the server.
    """

    tool: str
    url: str
    started: str
    seconds: float
    effort: str
    seed: int
    profiles: tuple[str, ...]
    verdict: Verdict
    exchanges: int
    scores: tuple[ProfileScore, ...]
    failures: tuple[ShownFailure, ...]
    stale: tuple[Stale, ...]
    requirements: tuple[ShownRequirement, ...]
    checks: tuple[ShownCheck, ...]
    parts: tuple[ShownPart, ...]
    repeat: str

    def broken(self, keyword: Keyword) -> int:
        """How many requirements of that keyword are broken."""
        return sum(each.outcome == "broken" and each.keyword == keyword for each in self.requirements)
