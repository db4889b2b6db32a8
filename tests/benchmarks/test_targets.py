from __future__ import annotations

import pytest

from benchmarks import lifecycle, memory, operations, reads, sdk_rows, toy_model_rows
from benchmarks.profiles import PROFILES
from benchmarks.series import Figure
from benchmarks.targets import MANY, SCALING, TARGETS, Target

STEPS = Target("steps", "per second", "ratio", "least", 0.8)
IDLE = Target("idle", "RSS MB", "value", "most", 150)


@pytest.mark.parametrize(("ratio", "met"), [(0.8, True), (0.79, False)])
def test_a_ratio_is_held_against_its_bar(ratio: float, *, met: bool) -> None:
    reached = STEPS.reached([Figure("steps", "p50 ms", 1, 1, 9), Figure("steps", "per second", 80, 100, ratio)])
    assert reached == ratio
    assert STEPS.met(reached) is met


@pytest.mark.parametrize(("value", "met"), [(150, True), (151, False)])
def test_a_value_is_held_against_its_bar(value: float, *, met: bool) -> None:
    reached = IDLE.reached([Figure("idle", "RSS MB", value)])
    assert reached == value
    assert IDLE.met(reached) is met


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    assert STEPS.reached([Figure("idle", "RSS MB", 100)]) is None


def test_the_full_profile_measures_each_figure_that_has_a_target() -> None:
    """A target whose row was renamed would never be judged again."""
    full = PROFILES["full"]
    measured = {
        *reads.measurements(connections=1, seconds=1),
        *operations.measurements(connections=1, seconds=1, samples=full.samples),
        *sdk_rows.measurements(clients=full.clients, seconds=1, saves=1, samples=full.samples),
        *(lifecycle.START, lifecycle.START_OVER_IMPORTS, lifecycle.COMMAND, lifecycle.IDLE),
        *(memory.A_RUN, memory.OPERATIONS, memory.FLAT.format(full.operations)),
        *(toy_model_rows.FORWARD_BACKWARD, toy_model_rows.OTHER),
        *(SCALING, MANY.format(full.many_checkpoints)),
    }
    assert {target.name for target in TARGETS} <= measured
