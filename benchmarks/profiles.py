"""How much to measure: enough to see that everything works, or enough to believe the numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    turns: int
    """How often each figure is taken, on each side."""
    seconds: float
    """Length of one window of load."""
    connections: int
    clients: tuple[int, ...]
    """SDK training clients at once, in one process."""
    saves: int
    samples: int
    many_checkpoints: int
    """The list that is compared with one of `FEW_CHECKPOINTS`."""
    runs: int
    operations: int
    """For the memory rows."""
    idle_seconds: float


FEW_CHECKPOINTS = 10_000

PROFILES = {
    "short": Profile(
        turns=1,
        seconds=0.4,
        connections=8,
        clients=(1, 8),
        saves=3,
        samples=100,
        many_checkpoints=50_000,
        runs=16,
        operations=1_600,
        idle_seconds=3,
    ),
    "full": Profile(
        turns=5,
        seconds=3,
        connections=8,
        clients=(1, 8, 64),
        saves=10,
        samples=1_000,
        many_checkpoints=1_000_000,
        runs=200,
        operations=100_000,
        idle_seconds=20,
    ),
}
