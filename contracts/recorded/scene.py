"""What a capture's server had, said or made up that the recording does not show (contracts/recordings/scenes.yaml)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from contracts.documents import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE: Final = Path(__file__).parents[1] / "recordings" / "scenes.yaml"


@dataclass(frozen=True)
class LeftOut:
    """A request that the recorder dropped because it had one of the same shape: sent before a line, like another."""

    before: int
    like: int
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Fields of its body that were others."""
    answer: Mapping[str, Any] = field(default_factory=dict)
    """Fields of its answer that later requests repeat."""
    location: str = ""
    """Where its answer redirected to, if to another place."""


@dataclass(frozen=True)
class Scene:
    """stands_for: names that its server made up -> the recorded ones that are meant.

    sessions, runs: what was there before; each run with its checkpoints (`weights/ck1`).
    results: line of a submission -> what its result said, where the recording has no poll of it.
    """

    stands_for: Mapping[str, str] = field(default_factory=dict)
    sessions: tuple[str, ...] = ()
    runs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    results: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()


@cache
def scenes() -> Mapping[str, Mapping[str, Scene]]:
    """By recording and capture."""
    found: dict[str, dict[str, Scene]] = {}
    for entry in read_yaml(FILE):
        scene = Scene(
            stands_for=entry.get("stands_for", {}),
            sessions=tuple(entry.get("sessions", ())),
            runs={run: tuple(checkpoints) for run, checkpoints in entry.get("runs", {}).items()},
            results=entry.get("results", {}),
            left_out=tuple(LeftOut(**each) for each in entry.get("left_out", ())),
        )
        for capture in entry["captures"]:
            found.setdefault(entry["recording"], {})[capture] = scene
    return found
