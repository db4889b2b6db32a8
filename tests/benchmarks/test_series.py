from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from benchmarks.series import Series

if TYPE_CHECKING:
    from benchmarks.side import Side

REAL, BARE = (cast("Side", SimpleNamespace(name=name)) for name in ("real", "bare"))


def test_a_ratio_is_the_median_of_the_ratios_of_the_turns() -> None:
    """The machine halved its speed after the first turn: medians of each side would compare different machines."""
    values = {"real": iter([80.0, 40.0, 41.0]), "bare": iter([100.0, 50.0, 50.0])}
    series = Series()
    series.take({"reads": lambda side: {"per second": next(values[side.name])}}, [REAL, BARE], turns=3)
    [figure] = series.figures()
    assert figure.ratio == pytest.approx(0.8)
    assert (figure.value, figure.other) == (41.0, 50.0)


def test_each_turn_begins_with_another_side() -> None:
    order: list[str] = []

    def measure(side: Side) -> dict[str, float]:
        order.append(side.name)
        return {"per second": 1.0}

    Series().take({"reads": measure}, [REAL, BARE], turns=2)
    assert order == ["real", "bare", "bare", "real"]


def test_a_figure_of_one_side_alone_has_no_ratio() -> None:
    series = Series()
    series.take({"reads": lambda _side: {"per second": 5.0}}, [REAL], turns=1)
    [figure] = series.figures()
    assert (figure.value, figure.other, figure.ratio) == (5.0, None, None)


def test_a_cost_too_small_for_the_clock_gives_no_ratio() -> None:
    series = Series()
    cpu = {"real": 0.1, "bare": 0.0}
    series.take({"reads": lambda side: {"server CPU ms": cpu[side.name]}}, [REAL, BARE], turns=1)
    assert series.figures()[0].ratio is None


def test_two_rows_of_one_side_can_be_compared() -> None:
    series = Series()
    series.take({"8": lambda _: {"per second": 100.0}, "64": lambda _: {"per second": 90.0}}, [REAL], turns=1)
    figure = series.compare("64 against 8", "per second", ("64", "real"), ("8", "real"), "8")
    assert (figure.name, figure.other_is) == ("64 against 8", "8")
    assert figure.ratio == pytest.approx(0.9)
