"""What it costs that a server can be disturbed, while nothing disturbs it; and what differs by chance."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from benchmarks import reads, sdk_rows
from benchmarks.processes import real_server
from benchmarks.series import Series
from benchmarks.side import sides

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.profiles import Profile
    from benchmarks.series import Figure
    from benchmarks.workload import Requests

ROWS: Final = {
    "faultless": "{}, no fault active",
    "journalled": "{}, with its journal too",
    "again": "{}, by chance",
}
_CLIENTS: Final = (1, 8)
_TURNS: Final = 3
"""At least so many, since it is a small difference of two large numbers."""


def figures(profile: Profile, workspace: Path, requests: Requests) -> list[Figure]:
    """The real server without its journal and with it, and a second undisturbable one, against the first of those."""
    stripped = partial(real_server, module="benchmarks.undisturbable", journal=False)
    commands = [
        real_server(workspace / "faultless", name="faultless", journal=False),
        real_server(workspace / "journalled", name="journalled"),
        stripped(workspace / "plain", name="plain"),
        stripped(workspace / "again", name="again"),
    ]
    heartbeat = reads.measurements(connections=profile.connections, seconds=profile.seconds)[reads.HEARTBEAT]
    steps = sdk_rows.measurements(clients=_CLIENTS, seconds=profile.seconds, saves=1, samples=1)
    chosen = {name: steps[name] for name in map(sdk_rows.STEPS.format, _CLIENTS)} | {reads.HEARTBEAT: heartbeat}
    series = Series()
    with sides(commands, requests) as started:
        for each in started:
            sdk_rows.warm_up(each, max(_CLIENTS))
        series.take(chosen, started, max(profile.turns, _TURNS))
    return [
        series.compare(row.format(name), measure, (name, compared), (name, "plain"), "undisturbable")
        for name in chosen
        for compared, row in ROWS.items()
        for measure in ("per second", "server CPU ms")
    ]
