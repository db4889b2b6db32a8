"""What it costs a server to be watched by the observer: the same server twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks import operations, reads
from benchmarks.processes import real_server
from benchmarks.series import Series
from benchmarks.side import sides

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.profiles import Profile
    from benchmarks.series import Figure
    from benchmarks.workload import Requests

ROW: Final = "{}, watched by the observer"


def figures(profile: Profile, workspace: Path, requests: Requests) -> list[Figure]:
    """A read, an operation without arithmetic, and one with: watched against unwatched."""
    rows = reads.measurements(connections=profile.connections, seconds=profile.seconds)
    rows |= operations.measurements(connections=profile.connections, seconds=profile.seconds, samples=1)
    chosen = {name: rows[name] for name in (reads.ONE_RUN, operations.OPTIM_STEP, operations.FORWARD_BACKWARD)}
    commands = [
        real_server(workspace / "unwatched", name="unwatched", journal=False),
        real_server(workspace / "watched", "--observe", name="watched", journal=False),
    ]
    series = Series()
    with sides(commands, requests) as started:
        # At least three turns: it is a small difference of two large numbers.
        series.take(chosen, started, max(profile.turns, 3))
    return [
        series.compare(ROW.format(name), measure, (name, "watched"), (name, "unwatched"), "unwatched")
        for name, measure, by in list(series.values)
        if by == "watched"
    ]
