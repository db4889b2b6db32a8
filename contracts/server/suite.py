"""All parts of the suite, one after the other, within a time that the target sets."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from contracts.server import asking, vectors
from contracts.server.judgement import Judgement, Part

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from contracts.server.target import Target

    Run = Callable[[Target, Judgement, float], None]

PARTS: Final[Mapping[str, Run]] = {"vectors": vectors.run, "checks": asking.run}
"""In the order in which they run: what tells most comes first."""


def judge(target: Target, told: Callable[[str], None] = lambda _: None) -> Judgement:
    """Judge a server. Ends by itself whatever the server does, and early where it answers nothing at all."""
    judgement = Judgement(told)
    deadline = monotonic() + target.seconds
    for name, run in PARTS.items():
        began = monotonic()
        part = Part(name)
        judgement.parts.append(part)
        judgement.told(f"{name} ...")
        run(target, judgement, deadline)
        part.seconds = monotonic() - began
        if not judgement.answered:
            part.ended = "the server answers nothing"
            break
    return judgement
