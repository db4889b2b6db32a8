"""What it costs a server to be watched by the observer: the same server twice."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from benchmarks import operations, reads
from benchmarks.processes import Command, Server, real_server
from benchmarks.recorded import record
from benchmarks.series import Series
from benchmarks.side import side

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.profiles import Profile
    from benchmarks.series import Figure
    from benchmarks.workload import Requests

ROW: Final = "{}, watched by the observer"
_WITHOUT_JOURNAL: Final = {"TINKER_MOCK_JOURNAL": "false"}


def figures(profile: Profile, workspace: Path, requests: Requests) -> list[Figure]:
    """A read, an operation without arithmetic, and one with: watched against unwatched."""
    rows = reads.measurements(connections=profile.connections, seconds=profile.seconds)
    rows |= operations.measurements(connections=profile.connections, seconds=profile.seconds, samples=1)
    chosen = {name: rows[name] for name in (reads.ONE_RUN, operations.OPTIM_STEP, operations.FORWARD_BACKWARD)}
    with ExitStack() as stack:
        sides = []
        for command in _commands(workspace):
            server = stack.enter_context(Server(command))
            recorded = asyncio.run(record(server.base_url, requests))
            sides.append(stack.enter_context(side(command.name, server, requests, recorded)))
        series = Series()
        # At least three turns: it is a small difference of two large numbers.
        series.take(chosen, sides, max(profile.turns, 3))
    return [
        series.compare(ROW.format(name), measure, (name, "watched"), (name, "unwatched"), "unwatched")
        for name, measure, by in list(series.values)
        if by == "watched"
    ]


def _commands(workspace: Path) -> list[Command]:
    unwatched, watched = (real_server(workspace / name).arguments for name in ("unwatched", "watched"))
    return [
        Command("unwatched", unwatched, _WITHOUT_JOURNAL),
        Command("watched", [*watched, "--observe"], _WITHOUT_JOURNAL),
    ]
