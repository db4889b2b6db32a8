"""What the project promises of its own speed, and whether a run kept it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from benchmarks import lifecycle, memory, operations, reads, sdk_rows, toy_model_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.series import Figure

SCALING = "SDK training steps, clients: 64 against 8"
MANY = "list 20 checkpoints out of {:,} against 10,000"


@dataclass(frozen=True)
class Target:
    """A bar for one figure: its ratio to what it is compared with, or its value."""

    name: str
    measure: str
    of: Literal["ratio", "value"]
    at: Literal["least", "most"]
    bar: float

    def reached(self, figures: Sequence[Figure]) -> float | None:
        """What was measured; None where this run did not measure it."""
        for figure in figures:
            if (figure.name, figure.measure) == (self.name, self.measure):
                return figure.ratio if self.of == "ratio" else figure.value
        return None

    def met(self, reached: float) -> bool:
        return reached >= self.bar if self.at == "least" else reached <= self.bar


def _steps(clients: int, measure: str, at: Literal["least", "most"], bar: float) -> Target:
    return Target(sdk_rows.STEPS.format(clients), measure, "ratio", at, bar)


TARGETS = (
    _steps(1, "per second", "least", 0.8),
    _steps(8, "per second", "least", 0.8),
    _steps(1, "server CPU ms", "most", 3),
    _steps(8, "server CPU ms", "most", 3),
    Target(SCALING, "per second", "ratio", "least", 0.8),
    Target(lifecycle.IDLE, "% of a core", "value", "most", 0.3),
    Target(lifecycle.IDLE, "RSS MB", "value", "most", 150),
    Target(lifecycle.START_OVER_IMPORTS, "s", "value", "most", 0.5),
    Target(lifecycle.COMMAND, "s", "value", "most", 0.3),
    Target(reads.ONE_RUN, "per second", "ratio", "least", 0.5),
    Target(reads.PAGE, "per second", "ratio", "least", 0.5),
    Target(reads.HEARTBEAT, "per second", "ratio", "least", 0.5),
    Target(MANY.format(1_000_000), "p50 ms", "ratio", "most", 1.5),
    Target(operations.FORWARD_BACKWARD, "per second", "ratio", "least", 0.25),
    Target(operations.OPTIM_STEP, "per second", "ratio", "least", 0.25),
    Target(sdk_rows.SAMPLES.format("1,000"), "per second", "value", "least", 200),
    Target(operations.SAMPLES.format("1,000"), "per second", "value", "least", 200),
    Target(toy_model_rows.FORWARD_BACKWARD, "us a token", "ratio", "most", 3),
    Target(toy_model_rows.OTHER, "MB a run", "value", "most", 2),
    Target(toy_model_rows.OTHER, toy_model_rows.TOKENS, "value", "most", 7),
    Target(toy_model_rows.OTHER, toy_model_rows.VOCABULARY, "value", "most", 20),
    Target(memory.A_RUN, "RSS MB", "value", "most", 2),
    # Caches fill and the allocator settles in the first tenth; after it, memory stays where it is.
    Target(memory.FLAT.format(100_000), "RSS MB", "ratio", "most", 1.05),
)
