"""One of the servers under comparison, with what a measurement needs to know about it."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.processes import Server
from benchmarks.recorded import record
from benchmarks.sdk_load import SdkClient

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.processes import Command
    from benchmarks.recorded import Recorded
    from benchmarks.workload import Requests


@dataclass(frozen=True)
class Side:
    """A server, the requests of one of its tenants, a run and a session that it knows, and an SDK program."""

    name: str
    server: Server
    requests: Requests
    run_id: str
    session_id: str
    sdk: SdkClient


@contextmanager
def side(name: str, server: Server, requests: Requests, recorded: Recorded) -> Iterator[Side]:
    with SdkClient(server, requests.key) as sdk:
        session_id = recorded.endpoints["create_session"].json()["session_id"]
        yield Side(name, server, requests, recorded.model_id, session_id, sdk)


@contextmanager
def sides(commands: Sequence[Command], requests: Requests) -> Iterator[list[Side]]:
    """Real servers, each a side of the name of its command."""
    with ExitStack() as stack:
        started = []
        for command in commands:
            server = stack.enter_context(Server(command))
            recorded = asyncio.run(record(server.base_url, requests))
            started.append(stack.enter_context(side(command.name, server, requests, recorded)))
        yield started
