"""Closed-loop load over raw HTTP: N connections, each sends its next request when the last one was answered."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import numpy as np
import uvloop

from benchmarks.http_client import Connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from benchmarks.processes import Server

    Exchange = Callable[[], Awaitable[object]]
    """One unit of work on a connection: what gets counted and timed."""

    Prepare = Callable[[Connection, int], Awaitable[Exchange]]
    """Everything that must happen before the clock starts; gets the connection and its number."""


def steady(server: Server, prepare: Prepare, *, connections: int, seconds: float) -> dict[str, float]:
    """Repeat the exchange on every connection until the time is over; a tenth more, before it, warms up."""

    async def run() -> dict[str, float]:
        async with _prepared(server, prepare, connections) as exchanges:
            await _all(_until(exchange, time.perf_counter() + seconds / 10) for exchange in exchanges)
            deadline = time.perf_counter() + seconds
            return await _measured(server, [_until(exchange, deadline) for exchange in exchanges])

    return uvloop.run(run())


def burst(server: Server, prepare: Prepare, *, connections: int, times: int = 1) -> dict[str, float]:
    """The exchange so many times on every connection, all connections at once."""

    async def run() -> dict[str, float]:
        async with _prepared(server, prepare, connections) as exchanges:
            return await _measured(server, [_times(exchange, times) for exchange in exchanges])

    return uvloop.run(run())


@asynccontextmanager
async def _prepared(server: Server, prepare: Prepare, connections: int) -> AsyncIterator[list[Exchange]]:
    opened = [await Connection.open(server.base_url) for _ in range(connections)]
    try:
        yield [await prepare(connection, number) for number, connection in enumerate(opened)]
    finally:
        for connection in opened:
            connection.close()


async def _measured(server: Server, loops: list[Awaitable[list[float]]]) -> dict[str, float]:
    cpu, start = server.cpu_s(), time.perf_counter()
    latencies = [latency for latencies in await _all(loops) for latency in latencies]
    elapsed, cpu = time.perf_counter() - start, server.cpu_s() - cpu
    p50, p99 = np.percentile(latencies, [50, 99]) * 1e3
    return {
        "per second": len(latencies) / elapsed,
        "p50 ms": float(p50),
        "p99 ms": float(p99),
        "server CPU ms": cpu / len(latencies) * 1e3,
    }


async def _all(loops: Iterable[Awaitable[list[float]]]) -> list[list[float]]:
    return await asyncio.gather(*loops)


async def _until(exchange: Exchange, deadline: float) -> list[float]:
    """Latencies in seconds."""
    latencies = []
    while (started := time.perf_counter()) < deadline:
        await exchange()
        latencies.append(time.perf_counter() - started)
    return latencies


async def _times(exchange: Exchange, times: int) -> list[float]:
    latencies = []
    for _ in range(times):
        started = time.perf_counter()
        await exchange()
        latencies.append(time.perf_counter() - started)
    return latencies
