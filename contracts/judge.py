"""Judges a server by its URL alone: recorded clients ask it what they asked, and the observer looks on."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from contracts.observer import Observer
from contracts.observer.described import Described
from contracts.recorded import RECORDINGS, captures, replay
from contracts.requirements import requirements
from contracts.tally import Tally, requirement_of
from contracts.verdicts import CHECKS, Check
from contracts.verdicts import Finding as Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from contracts.exchange import Exchange
    from contracts.recorded import Capture, Finding

SAME_ANSWERS: Final = Check(
    "answers-like-those-recorded",
    "REC-SAME",
    "vectors",
    "What a real client sent gets an answer of the status and shape that it accepted.",
)
CHECKS.register(SAME_ANSWERS)


@dataclass
class Judgement:
    """tally: every check of a server, over all exchanges. differences: from the recordings, in their order.

    played: the captures that were replayed, each with its number of differences. answered: whether anything was.
    """

    tally: Tally = field(default_factory=Tally)
    differences: list[Finding] = field(default_factory=list)
    played: list[tuple[str, int]] = field(default_factory=list)
    answered: bool = False

    @property
    def broken(self) -> bool:
        """Whether a MUST was not kept."""
        return self.tally.broken

    def as_json(self) -> dict[str, Any]:
        """The verdict for programs: each check with its requirement, its counts and its first failure."""
        checks = [
            {
                "check": name,
                "requirement": CHECKS[name].requirement,
                "keyword": requirements()[CHECKS[name].requirement].keyword,
                "passed": count.passed,
                "failed": count.failed,
                "evidence": None if count.first is None else count.first.evidence,
                "exchanges": [] if count.first is None else [str(each) for each in count.first.exchanges],
            }
            for name, count in sorted(self.tally.counts.items())
        ]
        return {
            "version": 1,
            "held": not self.broken,
            "exchanges": self.tally.exchanges,
            "captures": [{"capture": name, "differences": count} for name, count in self.played],
            "differences": [asdict(each) for each in self.differences],
            "checks": checks,
        }


def fresh_keys() -> Iterator[str]:
    """Keys for a server that takes any: each capture is a tenant of its own."""
    while True:
        yield f"tml-check-{uuid4().hex}"


def judge(
    url: str,
    keys: Iterable[str] | None = None,
    *,
    recordings: Iterable[str] = RECORDINGS,
    seconds: float = 60,
    told: Callable[[Capture, int], None] = lambda *_: None,
) -> Judgement:
    """Judge the server at this base URL. `told` hears of each capture when it has been played.

    keys: in turn, one a capture; fresh ones where the server takes any. seconds: the longest that a capture may take.
    Ends by itself whatever the server does; when it answers nothing at all, after the first capture.
    """
    found = Judgement()
    given = itertools.cycle(keys) if keys is not None else fresh_keys()
    for capture in (capture for recording in recordings for capture in captures(recording)):
        observer = Observer(Described())
        answered = 0

        def watch(exchange: Exchange, observer: Observer = observer) -> None:
            nonlocal answered
            answered += exchange.response is not None
            verdicts = observer.see(exchange)
            # What was sent is ours, or the recorder's: only the server is judged here.
            found.tally.add(verdict for verdict in verdicts if requirement_of(verdict).side == "server")

        result = replay(capture, url, next(given), seconds, watch)
        found.differences += result.findings
        found.played.append((str(capture), len(result.findings)))
        verdict = Verdict(SAME_ANSWERS.id, passed=not result.findings, evidence=_evidence(result.findings))
        _count(found.tally, verdict)
        told(capture, len(result.findings))
        if not answered:
            break
        found.answered = True
    return found


def _count(tally: Tally, verdict: Verdict) -> None:
    """Count a verdict that belongs to no single exchange."""
    tally.add([verdict])
    tally.exchanges -= 1


def _evidence(findings: list[Finding]) -> str:
    if not findings:
        return ""
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return f"{str(findings[0]).replace(chr(10), ' ')}{more}"
