"""What the server holds at the end, held against what a scenario expects there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mock_server.scenarios.verdict.point import Point

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mock_server.scenarios.expectation import Amount, InTheState
    from mock_server.scenarios.verdict.told import Told

T = TypeVar("T", "HeldRun", "HeldCheckpoint")
_ORDINAL: Final = re.compile(r"\$([1-9]\d{0,5})")


@dataclass(frozen=True)
class HeldRun:
    """A training run as it is in the store. checkpoints: how many there are of it."""

    id: str
    optimizer_steps: int
    corrupted: bool
    checkpoints: int


@dataclass(frozen=True)
class HeldCheckpoint:
    """id: its name; path: all of it. optimizer_steps: that its weights hold, None where its file can't be read."""

    id: str
    optimizer_steps: int | None
    path: str = ""


@dataclass(frozen=True)
class Holdings:
    """All of one tenant: runs and checkpoints in the order of their making. unfinished: operations without an end."""

    runs: tuple[HeldRun, ...] = ()
    checkpoints: tuple[HeldCheckpoint, ...] = ()
    sessions: int = 0
    samplers: int = 0
    unfinished: int = 0


def judge_state(expected: Iterable[InTheState], held: Holdings, told: Told) -> list[Point]:
    """A point for each expectation. told: what the client was told of its work."""
    return [_point(each, held, told) for each in expected]


def _point(expected: InTheState, held: Holdings, told: Told) -> Point:
    if expected.run is not None:
        runs = _meant(expected.run, held.runs)
        wrong = [said for run in runs for said in _wrong_run(expected, run, told, held)]
        seen = [f"run {run.id}: {run.optimizer_steps} optimizer steps, {_state(run)}" for run in runs]
        there = bool(runs) or expected.run == "$each"
    elif expected.checkpoint is not None:
        checkpoints = _meant(expected.checkpoint, held.checkpoints)
        wrong = [said for checkpoint in checkpoints for said in _wrong_checkpoint(expected, checkpoint)]
        seen = [f"checkpoint {each.id} holds {each.optimizer_steps} optimizer steps" for each in checkpoints]
        there = expected.checkpoint == "$each" or bool(checkpoints) is not (expected.exists is False)
    else:
        wrong = list(_wrong_totals(expected, held, told))
        seen, there = [], True
    if not there:
        wrong = ["there is none" if expected.exists is not False else "it is there"]
    return Point("state", not wrong, str(expected), "; ".join(wrong or seen), tuple(seen if wrong else ()))


def _state(run: HeldRun) -> str:
    return "corrupted" if run.corrupted else "sound"


def _meant(name: str, held: tuple[T, ...]) -> tuple[T, ...]:
    """Those that `$first`, `$last`, `$2`, `$each` or an id stand for."""
    if name == "$each":
        return held
    if name in {"$first", "$last"}:
        return held[:1] if name == "$first" else held[-1:]
    ordinal = _ORDINAL.fullmatch(name)
    if ordinal is not None:
        return held[int(ordinal[1]) - 1 : int(ordinal[1])]
    return tuple(each for each in held if each.id == name)


def _wrong_run(expected: InTheState, run: HeldRun, told: Told, held: Holdings) -> Iterator[str]:
    loaded = (each.optimizer_steps for each in held.checkpoints if each.path == told.loaded.get(run.id))
    steps = told.optimizer_steps[run.id] + (next(loaded, 0) or 0)
    yield from _amount(expected.optimizer_steps, run.optimizer_steps, steps, f"run {run.id} took", "optimizer steps")
    saved = told.checkpoints[run.id]
    yield from _amount(expected.checkpoints, run.checkpoints, saved, f"run {run.id} has", "checkpoints")
    if expected.corrupted is not None and run.corrupted is not expected.corrupted:
        yield f"run {run.id} is {_state(run)}"


def _wrong_checkpoint(expected: InTheState, checkpoint: HeldCheckpoint) -> Iterator[str]:
    steps = checkpoint.optimizer_steps
    said = f"checkpoint {checkpoint.id} holds"
    if steps is None:
        if expected.optimizer_steps is not None or expected.named:
            yield f"the file of checkpoint {checkpoint.id} can't be read"
        return
    yield from _amount(expected.optimizer_steps, steps, steps, said, "optimizer steps")
    numbers = re.findall(r"\d+", checkpoint.id)
    if expected.named and (not numbers or int(numbers[-1]) != steps):
        yield f"{said} {steps} optimizer steps, which its name does not say"


def _wrong_totals(expected: InTheState, held: Holdings, told: Told) -> Iterator[str]:
    there: dict[str, Any] = {
        "runs": len(held.runs),
        "sessions": held.sessions,
        "samplers": held.samplers,
        "checkpoints": len(held.checkpoints),
        "unfinished": held.unfinished,
    }
    saved = told.checkpoints.total()
    for name, number in there.items():
        yield from _amount(getattr(expected, name), number, saved if name == "checkpoints" else 0, "there are", name)


def _amount(expected: Amount | None, number: int, told: int, before: str, noun: str) -> Iterator[str]:
    if expected is not None and not expected.admits(number, told):
        yield f"{before} {number} {noun}" + (f", and the client was told of {told}" if expected.told else "")
