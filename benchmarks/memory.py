"""Memory and disk: of a training run, and of operations that are done and over."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from benchmarks.load import burst
from benchmarks.operations import finish, new_run
from benchmarks.series import Figure
from benchmarks.workload import forward_backward_body

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.http_client import Connection
    from benchmarks.load import Exchange
    from benchmarks.processes import Server
    from benchmarks.workload import Requests

A_RUN = "a training run, after one step"
OPERATIONS = "10,000 operations"
FLAT = "{:,} operations, from the first tenth to the end"

_CONNECTIONS = 8
_BLOCK = 10_000


def of_runs(server: Server, requests: Requests, runs: int) -> list[Figure]:
    """RSS per run. The first few runs bring in what all share: they come before the count."""

    async def prepare(connection: Connection, _number: int) -> Exchange:
        async def exchange() -> None:
            model_id = await new_run(connection, requests)
            body = forward_backward_body(model_id, 1)
            await finish(connection, requests, requests.forward_backward(body), protobuf=True)
            await finish(connection, requests, requests.optim_step(model_id, 2))

        return exchange

    burst(server, prepare, connections=_CONNECTIONS, times=2)
    before = server.rss_mb()
    made = _CONNECTIONS * max(1, runs // _CONNECTIONS)
    burst(server, prepare, connections=_CONNECTIONS, times=made // _CONNECTIONS)
    return [Figure(A_RUN, "RSS MB", (server.rss_mb() - before) / made)]


def of_operations(server: Server, requests: Requests, data_dir: Path, operations: int) -> list[Figure]:
    """RSS and disk per 10,000 finished operations, and whether RSS goes on growing."""
    runs: dict[int, tuple[str, Iterator[int]]] = {}

    async def prepare(connection: Connection, number: int) -> Exchange:
        if number not in runs:  # the same runs throughout, or their memory would be taken for the operations'
            runs[number] = await new_run(connection, requests), count(1)
        model_id, seq_ids = runs[number]
        return lambda: finish(connection, requests, requests.optim_step(model_id, next(seq_ids)))

    block = min(_BLOCK, operations // 2)
    burst(server, prepare, connections=_CONNECTIONS, times=block // 10 // _CONNECTIONS)
    rss, disk = [server.rss_mb()], _disk_mb(data_dir)
    for _ in range(operations // block):
        burst(server, prepare, connections=_CONNECTIONS, times=block // _CONNECTIONS)
        rss.append(server.rss_mb())
    blocks = len(rss) - 1
    scale = _BLOCK / block
    return [
        Figure(OPERATIONS, "RSS MB", (rss[-1] - rss[0]) / blocks * scale),
        Figure(OPERATIONS, "disk MB", (_disk_mb(data_dir) - disk) / blocks * scale),
        Figure(FLAT.format(operations), "RSS MB", rss[-1] - rss[1], rss[1], rss[-1] / rss[1], "first tenth"),
    ]


def _disk_mb(directory: Path) -> float:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file()) / 2**20
