"""The whole run: which servers are started when, and what is measured on them."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING

from benchmarks import lifecycle, memory, operations, reads, sdk_rows, toy_model_rows, undisturbed, watching
from benchmarks.bare_app import SHIPPED_ANSWERS
from benchmarks.processes import Server, bare_app, real_server
from benchmarks.profiles import FEW_CHECKPOINTS
from benchmarks.recorded import Recorded, record
from benchmarks.series import Series
from benchmarks.side import side
from benchmarks.targets import MANY, SCALING
from benchmarks.workload import Requests

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.processes import Command
    from benchmarks.profiles import Profile
    from benchmarks.series import Figure
    from benchmarks.side import Side

    Tell = Callable[[str], None]

REQUESTS = Requests("tml-benchmark")


def measure(profile: Profile, workspace: Path, tell: Tell) -> list[Figure]:
    """The real server against the bare app, then by itself."""
    return [
        *_lifecycle(profile, workspace, tell),
        *_real_against_bare(profile, workspace, tell),
        *_watching(profile, workspace, tell),
        *_undisturbed(profile, workspace, tell),
        *_memory(profile, workspace, tell),
        *_toy_model(tell),
    ]


def measure_noise(profile: Profile, tell: Tell) -> list[Figure]:
    """The bare app against itself: how far from 1.0 a ratio gets on this machine for no reason."""
    command = bare_app(SHIPPED_ANSWERS)
    recorded = Recorded.read(SHIPPED_ANSWERS)
    with (
        Server(command) as one,
        Server(command) as other,
        side("real", one, REQUESTS, recorded) as real,
        side("bare", other, REQUESTS, recorded) as bare,
    ):
        return _compare(profile, real, bare, tell)


def _lifecycle(profile: Profile, workspace: Path, tell: Tell) -> list[Figure]:
    tell("start-up")
    numbers = count()

    def fresh() -> Command:
        return real_server(workspace / f"start-{next(numbers)}")

    figures = lifecycle.start(fresh, REQUESTS, profile.turns)
    tell("idleness")
    with Server(fresh()) as server, Server(bare_app(SHIPPED_ANSWERS)) as bare:
        return figures + lifecycle.idle(server, bare, profile.idle_seconds)


def _real_against_bare(profile: Profile, workspace: Path, tell: Tell) -> list[Figure]:
    tell(f"seeding {FEW_CHECKPOINTS:,} and {profile.many_checkpoints:,} checkpoints")
    answers = workspace / "answers.json"
    few, many = workspace / "few", workspace / "many"
    _seed(few, FEW_CHECKPOINTS)
    _seed(many, profile.many_checkpoints)
    with Server(real_server(few)) as server:
        recorded = asyncio.run(record(server.base_url, REQUESTS))
        recorded.write(answers)
        with Server(bare_app(answers)) as bare_server:
            with (
                side("real", server, REQUESTS, recorded) as real,
                side("bare", bare_server, REQUESTS, recorded) as bare,
            ):
                figures = _compare(profile, real, bare, tell)
            with Server(real_server(many)) as large_server, side("large", large_server, REQUESTS, recorded) as large:
                return figures + _pages(profile, large, real, tell)


def _compare(profile: Profile, real: Side, bare: Side, tell: Tell) -> list[Figure]:
    series = Series()
    tell("raw HTTP")
    rows = reads.measurements(connections=profile.connections, seconds=profile.seconds)
    rows |= operations.measurements(connections=profile.connections, seconds=profile.seconds, samples=profile.samples)
    series.take(rows, [real, bare], profile.turns)
    tell("the SDK")
    for each in (real, bare):
        sdk_rows.warm_up(each, max(profile.clients))
    rows = sdk_rows.measurements(
        clients=profile.clients, seconds=profile.seconds, saves=profile.saves, samples=profile.samples
    )
    series.take(rows, [real, bare], profile.turns)
    figures = series.figures()
    if {8, 64} <= set(profile.clients):
        many, few = sdk_rows.STEPS.format(64), sdk_rows.STEPS.format(8)
        figures.append(series.compare(SCALING, "per second", (many, real.name), (few, real.name), "8 clients"))
    return figures


def _pages(profile: Profile, large: Side, real: Side, tell: Tell) -> list[Figure]:
    tell(f"a page out of {profile.many_checkpoints:,} checkpoints")
    series = Series()
    page = reads.measurements(connections=1, seconds=profile.seconds)[reads.PAGE]
    series.take({MANY.format(profile.many_checkpoints): page}, [large, real], profile.turns)
    return series.figures(large.name, real.name, f"of {FEW_CHECKPOINTS:,}")


def _watching(profile: Profile, workspace: Path, tell: Tell) -> list[Figure]:
    tell("the server watching itself")
    return watching.figures(profile, workspace, REQUESTS)


def _undisturbed(profile: Profile, workspace: Path, tell: Tell) -> list[Figure]:
    tell("the server with and without all that could disturb it")
    return undisturbed.figures(profile, workspace, REQUESTS)


def _memory(profile: Profile, workspace: Path, tell: Tell) -> list[Figure]:
    tell(f"memory of {profile.runs} training runs")
    with Server(real_server(workspace / "runs")) as server:
        figures = memory.of_runs(server, REQUESTS, profile.runs)
    tell(f"memory of {profile.operations:,} operations")
    data_dir = workspace / "operations"
    with Server(real_server(data_dir)) as server:
        return figures + memory.of_operations(server, REQUESTS, data_dir, profile.operations)


def _toy_model(tell: Tell) -> list[Figure]:
    tell("the toy model")
    return toy_model_rows.figures()


def _seed(data_dir: Path, checkpoints: int) -> None:
    # Imported here, so that the bare app can be measured against itself without the server's packages.
    from benchmarks.seed import seed_checkpoints

    with Server(real_server(data_dir)) as server:
        asyncio.run(record(server.base_url, REQUESTS))
    seed_checkpoints(data_dir, checkpoints)
