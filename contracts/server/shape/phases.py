"""The phases one after the other, each within its share of the time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final

from contracts.server.shape.belongings import LONGEST_MAKING
from contracts.server.shape.chains import Walk
from contracts.server.shape.description import asked, described
from contracts.server.shape.exclusions import FILE, Exclusions
from contracts.server.shape.generation import Generation
from contracts.server.shape.lanes import Lanes
from contracts.server.shape.trial import Trials
from contracts.server.tenant import Tenant
from contracts.verdicts import Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from contracts.server.judgement import Judgement
    from contracts.server.shape.description import Asked
    from contracts.server.shape.generation import AnyCase
    from contracts.server.target import Effort, Target


@dataclass(frozen=True)
class Extent:
    """How much is asked: seconds in all; drawn requests of each operation; chains, and operations in each."""

    seconds: float
    drawn: int
    chains: int
    steps: int


EXTENTS: Final[Mapping[Effort, Extent]] = {
    "short": Extent(45.0, drawn=4, chains=25, steps=8),
    "full": Extent(260.0, drawn=24, chains=120, steps=14),
}
SHARES: Final = {"examples": 0.5, "coverage": 0.5, "fuzzing": 0.7}
"""Of the time, when a phase must have ended; what is left is that of the chains."""


def run(target: Target, judgement: Judgement, deadline: float) -> None:
    """See contracts.server.shape.run."""
    began = monotonic()
    extent = EXTENTS[target.effort]
    seconds = min(deadline - began, extent.seconds)
    ends = {phase: began + share * seconds for phase, share in SHARES.items()}
    exclusions = Exclusions()
    trials = Trials(target, judgement, exclusions)
    base_model = _base_model(target, judgement)
    schema = described(target.url, base_model)
    operations = asked(schema, target.profiles, keys_are_precious=not target.takes_any_key)
    if not target.takes_any_key:
        judgement.note("delete_key was not asked: it would have deleted the key that was given")
    generation = Generation(target.seed)
    drawn_by = (ends["coverage"] + ends["fuzzing"]) / 2
    generators: dict[str, Callable[[Asked], list[AnyCase]]] = {
        "examples": generation.examples,
        "coverage": generation.coverage,
        "fuzzing": lambda operation: generation.fuzzing(operation, extent.drawn, drawn_by),
    }
    complete = True
    for phase, generate in generators.items():
        judgement.doing(f"shape, {phase}: drawing")
        # To draw takes seconds by itself, and what is drawn too late nobody asks.
        cases = {operation: generate(operation) for operation in operations if monotonic() < ends[phase]}
        lanes = Lanes(cases, trials, partial(_doing, judgement, phase))
        count, drawn = lanes.ask(ends[phase]), sum(map(len, cases.values()))
        judgement.told(f"shape, {phase}: {count} requests")
        if monotonic() > ends[phase]:
            complete = False
            judgement.note(f"{phase}: the time was over after {count} of {drawn} requests")
    if not trials.server_is_gone:
        walk = Walk(operations, trials, base_model, extent.steps, began + seconds)
        walk.go(extent.chains)
        told = f"{walk.chains} chains of {walk.requests} requests reached {len(walk.reached)} operations"
        judgement.told(f"shape, stateful: {told}")
    _close(trials, exclusions, judgement, complete=complete and target.effort == "full")


def _doing(judgement: Judgement, phase: str, text: str) -> None:
    judgement.doing(f"shape, {phase}: {text}")


def _base_model(target: Target, judgement: Judgement) -> str | None:
    tenant = Tenant(target, judgement.watcher(), seconds=LONGEST_MAKING)
    try:
        return tenant.base_model()
    except Violation:
        return None
    finally:
        tenant.close()


def _close(trials: Trials, exclusions: Exclusions, judgement: Judgement, *, complete: bool) -> None:
    """What the report should say besides the findings. complete: whether everything was asked that is asked ever."""
    if trials.server_is_gone:
        judgement.note("the server did not answer any more: nothing further was asked")
    for operation in trials.silent:
        judgement.note(f"{operation} was not asked further: it does not answer")
    for what in trials.workshop.in_vain:
        judgement.note(f"generated requests knew no {what.replace('_', ' ')} of their own: the server made none")
    for exclusion in exclusions.stale() if complete else ():
        judgement.note(f"{FILE}: nothing needs the exclusion of {exclusion}")
