"""The requests that need no operation: one run, a page of checkpoints, a heartbeat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.load import steady

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.http_client import Connection
    from benchmarks.load import Exchange
    from benchmarks.series import Measurement
    from benchmarks.side import Side

ONE_RUN = "get one training run"
PAGE = "list 20 checkpoints"
HEARTBEAT = "heartbeat"


def measurements(*, connections: int, seconds: float) -> dict[str, Measurement]:
    def repeat(request_of: Callable[[Side], bytes]) -> Measurement:
        def measure(side: Side) -> Mapping[str, float]:
            request = request_of(side)

            async def prepare(connection: Connection, _number: int) -> Exchange:
                return lambda: connection.ask_ok(request)

            return steady(side.server, prepare, connections=connections, seconds=seconds)

        return measure

    return {
        ONE_RUN: repeat(lambda side: side.requests.training_run(side.run_id)),
        PAGE: repeat(lambda side: side.requests.checkpoints()),
        HEARTBEAT: repeat(lambda side: side.requests.heartbeat(side.session_id)),
    }
