from __future__ import annotations

from dataclasses import replace

from benchmarks import operations, reads, sdk_rows, suite
from benchmarks.profiles import PROFILES


def test_two_equal_servers_are_measured_in_every_row_and_compared() -> None:
    brief = replace(PROFILES["short"], seconds=0.05, connections=2, clients=(1, 2), saves=1, samples=4)
    told: list[str] = []
    figures = suite.measure_noise(brief, told.append)
    rates = {figure.name: figure for figure in figures if figure.measure == "per second"}
    assert set(rates) == {
        *(reads.ONE_RUN, reads.PAGE, reads.HEARTBEAT),
        *(operations.FORWARD_BACKWARD, operations.OPTIM_STEP, operations.SAMPLES.format(4)),
        *(sdk_rows.STEPS.format(1), sdk_rows.STEPS.format(2), sdk_rows.SAVE_AND_LOAD, sdk_rows.SAMPLES.format(4)),
    }
    assert all(figure.value > 0 and figure.ratio for figure in rates.values())
    assert told
