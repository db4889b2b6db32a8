"""Asynchronous operations by raw HTTP: submit one, poll for its result. Each connection has its own training run."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from benchmarks.load import burst, steady
from benchmarks.recorded import retrieve
from benchmarks.workload import forward_backward_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.http_client import Answer, Connection
    from benchmarks.load import Exchange
    from benchmarks.series import Measurement
    from benchmarks.side import Side
    from benchmarks.workload import Requests

FORWARD_BACKWARD = "forward_backward and its result"
OPTIM_STEP = "optim_step and its result"
SAMPLES = "{} samples at once, raw HTTP"


def measurements(*, connections: int, seconds: float, samples: int) -> dict[str, Measurement]:
    def training(side: Side) -> Mapping[str, float]:
        async def prepare(connection: Connection, _number: int) -> Exchange:
            model_id = await new_run(connection, side.requests)
            seq_ids = count(1)

            async def exchange() -> None:
                body = forward_backward_body(model_id, next(seq_ids))
                await finish(connection, side.requests, side.requests.forward_backward(body), protobuf=True)

            return exchange

        return steady(side.server, prepare, connections=connections, seconds=seconds)

    def optimizer(side: Side) -> Mapping[str, float]:
        async def prepare(connection: Connection, _number: int) -> Exchange:
            # No gradients to apply: this is the cost of an operation as such.
            model_id = await new_run(connection, side.requests)
            seq_ids = count(1)
            return lambda: finish(connection, side.requests, side.requests.optim_step(model_id, next(seq_ids)))

        return steady(side.server, prepare, connections=connections, seconds=seconds)

    def sampling(side: Side) -> Mapping[str, float]:
        sampling_session_id = ""

        async def prepare(connection: Connection, number: int) -> Exchange:
            nonlocal sampling_session_id
            if number == 0:
                sampling_session_id = await new_sampler(connection, side.requests)
            request = side.requests.asample(sampling_session_id, number)
            return lambda: finish(connection, side.requests, request, protobuf=True)

        return burst(side.server, prepare, connections=samples)

    return {FORWARD_BACKWARD: training, OPTIM_STEP: optimizer, SAMPLES.format(f"{samples:,}"): sampling}


async def new_run(connection: Connection, requests: Requests) -> str:
    session_id = (await connection.ask_ok(requests.create_session())).json()["session_id"]
    created = await finish(connection, requests, requests.create_model(session_id, 0))
    model_id: str = created.json()["model_id"]
    return model_id


async def new_sampler(connection: Connection, requests: Requests) -> str:
    model_id = await new_run(connection, requests)
    saved = await finish(connection, requests, requests.save_weights_for_sampler(model_id, 1, 0))
    sampling_session_id: str = saved.json()["sampling_session_id"]
    return sampling_session_id


async def finish(connection: Connection, requests: Requests, request: bytes, *, protobuf: bool = False) -> Answer:
    """Submit an operation and wait for its result, as every client does: with retrieve_future."""
    submitted = await connection.ask_ok(request)
    return await retrieve(connection, requests, submitted.json()["request_id"], protobuf=protobuf)
