"""What it costs that a server can be disturbed, while nothing disturbs it; and what differs by chance."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from benchmarks import reads, sdk_rows
from benchmarks.processes import Command, Server, real_server, undisturbable
from benchmarks.recorded import record
from benchmarks.series import Series
from benchmarks.side import side

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
    commands = [
        Command("faultless", real_server(workspace / "faultless").arguments, {"TINKER_MOCK_JOURNAL": "false"}),
        Command("journalled", real_server(workspace / "journalled").arguments),
        undisturbable("plain", workspace / "plain"),
        undisturbable("again", workspace / "again"),
    ]
    heartbeat = reads.measurements(connections=profile.connections, seconds=profile.seconds)[reads.HEARTBEAT]
    steps = sdk_rows.measurements(clients=_CLIENTS, seconds=profile.seconds, saves=1, samples=1)
    chosen = {name: steps[name] for name in map(sdk_rows.STEPS.format, _CLIENTS)} | {reads.HEARTBEAT: heartbeat}
    with ExitStack() as stack:
        sides = []
        for command in commands:
            server = stack.enter_context(Server(command))
            recorded = asyncio.run(record(server.base_url, requests))
            sides.append(stack.enter_context(side(command.name, server, requests, recorded)))
        for each in sides:
            sdk_rows.warm_up(each, max(_CLIENTS))
        series = Series()
        series.take(chosen, sides, max(profile.turns, _TURNS))
    return [
        series.compare(row.format(name), measure, (name, compared), (name, "plain"), "undisturbable")
        for name in chosen
        for compared, row in ROWS.items()
        for measure in ("per second", "server CPU ms")
    ]
