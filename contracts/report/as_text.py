"""The report as lines for a terminal: short, what failed first."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contracts.report.model import ProfileScore, Report, Score, ShownFailure

SHOWN: Final = 3
"""Failures of one check; the other reports have them all."""
_BAR: Final = 20


def as_text(report: Report) -> Iterator[str]:
    """The whole of it."""
    for _, group in groupby(report.failures, key=lambda each: each.check):
        failures = [each for each in group if not each.expected]
        if failures:
            yield from _of_a_check(failures)
    yield from _aside(report)
    yield ""
    width = max((len(score.name) for score in report.scores), default=0)
    for score in report.scores:
        yield _line(score, width)
    yield ""
    yield _verdict(report)


def _of_a_check(failures: list[ShownFailure]) -> Iterator[str]:
    first = failures[0]
    yield ""
    yield f"{first.keyword} {first.requirement}: {first.text}"
    for each in failures[:SHOWN]:
        yield f"    {each.check}: {each.told}"
        for exchange in each.exchanges:
            status = "no answer" if exchange.status is None else exchange.status
            yield f"        {exchange.method} {exchange.url} -> {status}"
        if each.exchanges:
            yield f"        {each.exchanges[-1].curl}"
    if len(failures) > SHOWN:
        yield f"    {len(failures) - SHOWN} more of the same"


def _aside(report: Report) -> Iterator[str]:
    expected = sum(each.expected for each in report.failures)
    if expected:
        yield ""
        yield f"{expected} failures were expected"
    for stale in report.stale:
        where = f" in {stale.operation}" if stale.operation else ""
        yield f"line {stale.line} of the expected failures is stale: {stale.check}{where} does not fail any more"
    for part in report.parts:
        if part.ended:
            yield f"part {part.name}: {part.ended}"
        yield from (f"part {part.name}: {note}" for note in part.notes)


def _line(score: ProfileScore, width: int) -> str:
    percent = score.must.percent
    bar = "".ljust(_BAR, "·") if percent is None else ("█" * round(percent * _BAR / 100)).ljust(_BAR, "·")
    return f"{score.name:{width}} {bar} {_counted('MUST', score.must)}, {_counted('SHOULD', score.should)}"


def _counted(keyword: str, score: Score) -> str:
    untested = f" ({score.untested} untested)" if score.untested else ""
    return f"{keyword} {score.kept} of {score.kept + score.broken}{untested}"


def _verdict(report: Report) -> str:
    said = {"kept": "kept", "broken": "not kept", "incomplete": "no verdict, for the suite itself broke off"}
    return (
        f"{report.exchanges} exchanges in {report.seconds:.0f} s, seed {report.seed}: {report.broken('MUST')} MUST and "
        f"{report.broken('SHOULD')} SHOULD failed: {said[report.verdict]}"
    )
