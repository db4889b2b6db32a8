"""The floor itself: it must answer what was recorded, and be enough of a server for the official SDK."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from benchmarks.bare_app import ENDPOINTS, SHIPPED_ANSWERS
from benchmarks.http_client import Connection, UnexpectedAnswerError
from benchmarks.load import burst, steady
from benchmarks.processes import Command, Server, ServerFailedToStartError, bare_app
from benchmarks.recorded import Recorded, record, retrieve
from benchmarks.sdk_load import SdkClient
from benchmarks.workload import Requests

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.load import Exchange

REQUESTS = Requests("tml-test")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(bare_app(SHIPPED_ANSWERS)) as running:
        yield running


def test_it_answers_what_was_recorded(server: Server) -> None:
    assert asyncio.run(record(server.base_url, REQUESTS)) == Recorded.read(SHIPPED_ANSWERS)


def test_a_recording_survives_its_file(tmp_path: Path) -> None:
    recorded = Recorded.read(SHIPPED_ANSWERS)
    recorded.write(tmp_path / "answers.json")
    assert Recorded.read(tmp_path / "answers.json") == recorded
    assert set(recorded.endpoints) == set(ENDPOINTS)


def test_the_official_sdk_trains_saves_loads_and_samples_against_it(server: Server) -> None:
    with SdkClient(server, "tml-test") as sdk:
        for do, arguments in (("train", {"clients": 2, "seconds": 0.2}), ("save_and_load", {"times": 1})):
            assert sdk.run(do, **arguments)["per second"] > 0
        assert sdk.run("sample", requests=4)["client CPU ms"] > 0


def test_load_is_counted_and_timed(server: Server) -> None:
    asked = 0

    async def prepare(connection: Connection, _number: int) -> Exchange:
        async def exchange() -> None:
            nonlocal asked
            asked += 1
            await connection.ask_ok(REQUESTS.healthz())

        return exchange

    once = burst(server, prepare, connections=3, times=4)
    assert asked == 12
    assert 0 < once["p50 ms"] <= once["p99 ms"]
    assert steady(server, prepare, connections=2, seconds=0.1)["per second"] > 10


def test_a_failed_operation_ends_the_measurement(server: Server) -> None:
    async def ask_for_nothing() -> None:
        connection = await Connection.open(server.base_url)
        try:
            await retrieve(connection, REQUESTS, "unknown")
        finally:
            connection.close()

    with pytest.raises(UnexpectedAnswerError, match="unknown ended with 404"):
        asyncio.run(ask_for_nothing())


def test_a_server_that_does_not_start_tells_what_it_said() -> None:
    with pytest.raises(ServerFailedToStartError, match="no disk"):
        Server(Command("broken", ["-c", "import sys; sys.exit('no disk')"]))
