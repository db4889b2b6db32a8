"""A server by itself: how soon it answers, and what it costs when nobody asks."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.http_client import Connection
from benchmarks.processes import Server
from benchmarks.series import Figure

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.processes import Command
    from benchmarks.workload import Requests

START = "start until healthz answers"
START_OVER_IMPORTS = "start beyond the bare imports"
COMMAND = "tinker-mock --help"
IDLE = "idle"

_IMPORTS = "import fastapi, uvicorn, sqlmodel, numpy"


def start(new_server: Callable[[], Command], requests: Requests, turns: int) -> list[Figure]:
    """Start-up against the bare imports, in turns, each in a process of its own."""
    imports, starts, commands = [], [], []
    for _ in range(turns):
        imports.append(_seconds([sys.executable, "-c", _IMPORTS]))
        started = time.perf_counter()
        with Server(new_server()) as server:
            asyncio.run(_healthz(server, requests))
            starts.append(time.perf_counter() - started)
        commands.append(_seconds([sys.executable, "-m", "mock_server", "--help"]))
    beyond = [one - two for one, two in zip(starts, imports, strict=True)]
    return [
        Figure(START, "s", median(starts), median(imports), median(starts) / median(imports), "imports"),
        Figure(START_OVER_IMPORTS, "s", median(beyond)),
        Figure(COMMAND, "s", median(commands)),
    ]


def idle(server: Server, bare: Server, seconds: float) -> list[Figure]:
    """CPU and memory of two servers that have just started and are left alone, in the same moments."""
    time.sleep(1)  # what they do after they began to answer is start-up, not idleness
    cpu, bare_cpu, start = server.cpu_s(), bare.cpu_s(), time.perf_counter()
    time.sleep(seconds)
    elapsed = time.perf_counter() - start
    shares = (server.cpu_s() - cpu) / elapsed * 100, (bare.cpu_s() - bare_cpu) / elapsed * 100
    return [_beside_bare("% of a core", *shares), _beside_bare("RSS MB", server.rss_mb(), bare.rss_mb())]


def _beside_bare(measure: str, value: float, other: float) -> Figure:
    return Figure(IDLE, measure, value, other, value / other if other else None)


async def _healthz(server: Server, requests: Requests) -> None:
    connection = await Connection.open(server.base_url)
    await connection.ask_ok(requests.healthz())
    connection.close()


def _seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
