"""Recorded clients ask the server what they asked: each answer has the status and the shape that they accepted."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from contracts.recorded import RECORDINGS, captures, replay
from contracts.server.scope import claims
from contracts.verdicts import CHECKS, Check, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contracts import recorded
    from contracts.server.judgement import Judgement
    from contracts.server.target import Target

LONGEST_CAPTURE: Final = 60.0
SAME_ANSWERS: Final = Check(
    "answers-like-those-recorded",
    "REC-SAME",
    "vectors",
    "What a real client sent gets an answer of the status and shape that it accepted.",
)
CHECKS.register(SAME_ANSWERS)


def run(target: Target, judgement: Judgement, deadline: float, recordings: Iterable[str] = RECORDINGS) -> None:
    """Play every capture as a tenant of its own. deadline: of `monotonic`. Ends when nothing is answered any more."""
    for capture in (capture for recording in recordings for capture in captures(recording)):
        left = min(LONGEST_CAPTURE, deadline - monotonic())
        if left <= 0:
            judgement.found(_finding([], f"{capture} was not played: the time of the suite was over"))
            return
        result = replay(capture, target.url, target.key(), left, judgement.watcher())
        # What its client asked of a part of the API that the server does not claim is nobody's fault.
        differences = [each for each in result.findings if claims(each.request, target.profiles)]
        judgement.found(_finding(differences))
        judgement.told(f"{capture}: {f'{len(differences)} differences' if differences else 'as recorded'}")
        if judgement.is_gone():
            return


def _finding(differences: list[recorded.Finding], otherwise: str = "") -> Finding:
    if not differences:
        return Finding(SAME_ANSWERS.id, passed=not otherwise, evidence=otherwise)
    more = f" (and {len(differences) - 1} more)" if len(differences) > 1 else ""
    return Finding(SAME_ANSWERS.id, passed=False, evidence=f"{str(differences[0]).replace(chr(10), ' ')}{more}")
