"""One of the servers under comparison, with what a measurement needs to know about it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.sdk_load import SdkClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.processes import Server
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
