"""All parts of the suite, one after the other, within a time that the target sets."""

from __future__ import annotations

import traceback
from contextlib import suppress
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Final

from contracts.recorded.caller import PREFIX, Caller, GivenUp, NoAnswer
from contracts.server import asking, shape, vectors
from contracts.server.behaviour import exploring
from contracts.server.judgement import Judgement, Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from contracts.server.target import Target

    Run = Callable[[Target, Judgement, float], None]

PARTS: Final[Mapping[str, Run]] = {
    "vectors": vectors.run,
    "checks": asking.run,
    "behaviour": exploring.run,
    "shape": shape.run,
}
"""In the order in which they run: what tells most comes first."""
GRACE_SECONDS: Final = 20.0
"""A part that is not back so long after its deadline hangs in an answer that never ends: it is left behind."""
GONE: Final = "the server does not answer any more"
KNOCK_SECONDS: Final = 15.0
FRAMES: Final = 4
"""Of a traceback, as many as tell where."""


def judge(
    target: Target,
    told: Callable[[str], None] = lambda _: None,
    *,
    doing: Callable[[str], None] = lambda _: None,
    parts: Iterable[str] = tuple(PARTS),
) -> Judgement:
    """Judge a server. Ends by itself whatever the server does, and at once where it answers nothing at all.

    parts: names of PARTS; they run in its order. Ctrl-C ends it with what was found so far.
    """
    judgement = Judgement(told, doing, target.profiles)
    deadline = monotonic() + target.seconds
    _knock(target, judgement)
    if not judgement.answered:
        return judgement
    due = [name for name in PARTS if name in set(parts)]
    try:
        for name in due:
            judgement.parts.append(Part(name))
            judgement.told(f"{name} ...")
            # A slow server must not spend on one part what the others need.
            left = deadline - monotonic()
            _begin(target, judgement, left, deadline if name == due[-1] else deadline - left / 2)
    except KeyboardInterrupt:
        judgement.parts[-1].ended = "interrupted"
    judgement.closed = True
    return judgement


def _begin(target: Target, judgement: Judgement, left: float, deadline: float) -> None:
    part = judgement.parts[-1]
    if left <= 0 or judgement.is_gone():
        part.ended = f"not begun: {'the time of the suite was over' if left <= 0 else GONE}"
        return
    _run(part, PARTS[part.name], target, judgement, deadline)
    if judgement.is_gone() and not part.ended:
        part.ended = GONE


def _knock(target: Target, judgement: Judgement) -> None:
    """Ask once whether somebody answers at all; what they answer is their affair."""
    with Caller(target.url, target.key(), KNOCK_SECONDS, judgement.watcher()) as caller, suppress(NoAnswer, GivenUp):
        caller.send("GET", f"{PREFIX}/healthz", {}, None)


def _run(part: Part, run: Run, target: Target, judgement: Judgement, deadline: float) -> None:
    began, before = monotonic(), judgement.tally.exchanges

    def work() -> None:
        try:
            run(target, judgement, deadline)
        except Exception as error:  # noqa: BLE001 - whatever a part stumbles over, the others have their say
            part.ended, part.crashed = f"broke off: {error!r}", True
            part.notes += traceback.format_exception(error)[-FRAMES:]

    # A thread that nobody waits for in the end: a server may send a byte a minute for ever.
    thread = Thread(target=work, name=f"suite-{part.name}", daemon=True)
    thread.start()
    thread.join(max(0.0, deadline - monotonic()) + GRACE_SECONDS)
    if thread.is_alive():
        part.ended = "left behind: it waited for an answer that did not end"
    part.seconds = monotonic() - began
    part.exchanges = judgement.tally.exchanges - before
