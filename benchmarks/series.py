"""Measurements in turns: machines drift, so no figure is compared with one that was taken minutes apart from it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.side import Side

    Measurement = Callable[[Side], Mapping[str, float]]
    """Puts one side under load once and returns its figures by the name of their measure."""


@dataclass(frozen=True)
class Figure:
    """One line of the report. `ratio` is value / other, the median over the turns in which both were taken."""

    name: str
    measure: str
    value: float
    other: float | None = None
    ratio: float | None = None
    other_is: str = "bare"


@dataclass
class Series:
    """Every value that was measured, by (name, measure, side), in the order of the turns."""

    values: dict[tuple[str, str, str], list[float]] = field(default_factory=lambda: defaultdict(list))

    def take(self, measurements: Mapping[str, Measurement], sides: Sequence[Side], turns: int) -> None:
        """Measure everything on every side once a turn; each turn begins with another side."""
        for turn in range(turns):
            first = turn % len(sides)
            for name, measurement in measurements.items():
                for side in [*sides[first:], *sides[:first]]:
                    for measure, value in measurement(side).items():
                        self.values[name, measure, side.name].append(value)

    def figures(self, value: str = "real", other: str = "bare", other_is: str = "bare") -> list[Figure]:
        """A figure for each name and measure that the side `value` has, compared with the side `other`."""
        return [
            self.compare(name, measure, (name, value), (name, other), other_is)
            for name, measure, side in list(self.values)
            if side == value
        ]

    def compare(
        self, label: str, measure: str, value: tuple[str, str], other: tuple[str, str], other_is: str
    ) -> Figure:
        """Compare one measure of two (name, side) pairs; without values for the other, the figure stands alone."""
        values = self.values[value[0], measure, value[1]]
        others = self.values.get((other[0], measure, other[1]))
        if not others:
            return Figure(label, measure, median(values))
        # A denominator of zero is a CPU time below the kernel's tick: nothing to divide by.
        ratios = [one / two for one, two in zip(values, others, strict=True) if two]
        return Figure(label, measure, median(values), median(others), median(ratios) if ratios else None, other_is)
