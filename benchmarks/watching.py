"""What the observer costs a server that watches itself: the same server twice, one of them with it."""

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


def figures(profile: Profile, workspace: Path, requests: Requests) -> list[Figure]:
    """A read, an operation without arithmetic, and one with: watched against unwatched."""
    plain = real_server(workspace / "unwatched")
    watched = real_server(workspace / "watched")
    watched = Command("watched", [*watched.arguments, "--observe"])
    rows = reads.measurements(connections=profile.connections, seconds=profile.seconds)
    rows |= operations.measurements(connections=profile.connections, seconds=profile.seconds, samples=1)
    chosen = (reads.ONE_RUN, operations.OPTIM_STEP, operations.FORWARD_BACKWARD)
    with ExitStack() as stack:
        sides = []
        for name, command in (("watched", watched), ("unwatched", plain)):
            server = stack.enter_context(Server(command))
            recorded = asyncio.run(record(server.base_url, requests))
            sides.append(stack.enter_context(side(name, server, requests, recorded)))
        series = Series()
        # At least three turns: it is a small difference of two large numbers.
        series.take({ROW.format(name): rows[name] for name in chosen}, sides, max(profile.turns, 3))
        return series.figures("watched", "unwatched", "unwatched")
