"""What a user of the official SDK sees: training steps, save and load, samples, all with the SDK's defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.series import Measurement
    from benchmarks.side import Side

STEPS = "SDK training steps, clients: {}"
SAVE_AND_LOAD = "SDK save and load"
SAMPLES = "SDK, {} samples at once"


def measurements(*, clients: Sequence[int], seconds: float, saves: int, samples: int) -> dict[str, Measurement]:
    def command(do: str, **arguments: float) -> Measurement:
        def measure(side: Side) -> Mapping[str, float]:
            return side.sdk.run(do, **arguments)

        return measure

    return {
        **{STEPS.format(number): command("train", clients=number, seconds=seconds) for number in clients},
        SAVE_AND_LOAD: command("save_and_load", times=saves),
        SAMPLES.format(f"{samples:,}"): command("sample", requests=samples),
    }


def warm_up(side: Side, clients: int) -> None:
    """Make the clients and their first steps before anything is timed."""
    side.sdk.run("train", clients=clients, seconds=0.01)
