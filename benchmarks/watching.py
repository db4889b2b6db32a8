"""What it costs a server to listen to itself: the same server three times, without a listener and with each."""

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

ROWS: Final = {"watched": "{}, watched by the observer", "journalled": "{}, with its journal"}
_WITHOUT: Final = {"TINKER_MOCK_JOURNAL": "false"}


def figures(profile: Profile, workspace: Path, requests: Requests) -> list[Figure]:
    """A read, an operation without arithmetic, and one with: each listener against none."""
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
        series.compare(row.format(name), measure, (name, listened), (name, "unwatched"), "unwatched")
        for listened, row in ROWS.items()
        for name, measure, by in list(series.values)
        if by == listened
    ]


def _commands(workspace: Path) -> list[Command]:
    unwatched, watched, journalled = (
        real_server(workspace / name).arguments for name in ("unwatched", "watched", "journalled")
    )
    return [
        Command("journalled", journalled),
        Command("unwatched", unwatched, _WITHOUT),
        Command("watched", [*watched, "--observe"], _WITHOUT),
    ]
