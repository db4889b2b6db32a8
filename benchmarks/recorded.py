"""The answers that a real server gave to the requests of the benchmark: what the bare app answers from memory."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.http_client import Answer, Connection, UnexpectedAnswerError
from benchmarks.workload import Requests, forward_backward_body


@dataclass
class Recorded:
    """Answers by the endpoint's name, and finished futures by their request id."""

    endpoints: dict[str, Answer] = field(default_factory=dict)
    futures: dict[str, Answer] = field(default_factory=dict)

    @property
    def model_id(self) -> str:
        """The training run that the recording made."""
        created = self.futures[self.endpoints["create_model"].json()["request_id"]]
        model_id: str = created.json()["model_id"]
        return model_id

    def write(self, path: Path) -> None:
        path.write_text(json.dumps({part: _texts(answers) for part, answers in vars(self).items()}, indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> Recorded:
        stored = json.loads(path.read_text())
        return cls(**{part: {name: _answer(**fields) for name, fields in stored[part].items()} for part in stored})


async def record(base_url: str, requests: Requests) -> Recorded:
    """Live the life of a training client once, by raw HTTP, and keep every answer.

    The ids in the answers agree with each other, so an SDK client can train against the recording; it gets the same ids
    as every other client, which no client minds.
    """
    recorded = Recorded()
    connection = await Connection.open(base_url)

    async def ask(name: str, request: bytes) -> Answer:
        recorded.endpoints[name] = await connection.ask_ok(request)
        return recorded.endpoints[name]

    async def finish(name: str, request: bytes, *, protobuf: bool = False) -> Answer:
        request_id = (await ask(name, request)).json()["request_id"]
        recorded.futures[request_id] = await retrieve(connection, requests, request_id, protobuf=protobuf)
        return recorded.futures[request_id]

    try:
        await ask("healthz", requests.healthz())
        await ask("client_config", requests.client_config())
        await ask("dynamic_config", requests.dynamic_config())
        await ask("capabilities", requests.capabilities())
        session_id = (await ask("create_session", requests.create_session())).json()["session_id"]
        await ask("heartbeat", requests.heartbeat(session_id))
        await ask("telemetry", requests.telemetry(session_id))
        model_id = (await finish("create_model", requests.create_model(session_id, 0))).json()["model_id"]
        await ask("get_info", requests.get_info(model_id))
        await finish("forward_backward", requests.forward_backward(forward_backward_body(model_id, 1)), protobuf=True)
        await finish("optim_step", requests.optim_step(model_id, 2))
        saved = (await finish("save_weights", requests.save_weights(model_id, 3, "recorded"))).json()["path"]
        await finish("load_weights", requests.load_weights(session_id, 1, saved))
        sampler = await finish("save_weights_for_sampler", requests.save_weights_for_sampler(model_id, 4, 0))
        sampling_session_id = sampler.json()["sampling_session_id"]
        await ask("sampler", requests.sampler(sampling_session_id))
        await finish("asample", requests.asample(sampling_session_id, 0), protobuf=True)
        await ask("training_run", requests.training_run(model_id))
        await ask("checkpoints", requests.checkpoints())
        # Another session, since a finished one would refuse the heartbeats to come.
        ended = (await connection.ask_ok(requests.create_session())).json()["session_id"]
        await ask("finish", requests.finish(ended))
    finally:
        connection.close()
    return recorded


async def retrieve(connection: Connection, requests: Requests, request_id: str, *, protobuf: bool = False) -> Answer:
    """The finished result of an operation; a failed one ends the measurement."""
    poll = requests.retrieve(request_id, protobuf=protobuf)
    while True:
        answer = await connection.ask(poll)
        if answer.status == 200 and protobuf and "protobuf" in answer.content_type:
            return answer
        unfinished = answer.status == 408 or b'"try_again"' in answer.body[:200]
        if unfinished:
            continue
        if answer.status != 200 or protobuf or b'"error"' in answer.body[:200]:
            raise UnexpectedAnswerError(f"{request_id} ended with {answer.status}: {answer.body[:300]!r}")
        return answer


def _texts(answers: dict[str, Answer]) -> dict[str, dict[str, object]]:
    """Text stays text, so that a recording can be read; protobuf becomes base64."""
    return {name: asdict(answer) | _text(answer.body) for name, answer in answers.items()}


def _text(body: bytes) -> dict[str, str | None]:
    try:
        return {"body": body.decode(), "base64": None}
    except UnicodeDecodeError:
        return {"body": "", "base64": base64.b64encode(body).decode()}


def _answer(status: int, content_type: str, body: str, base64: str | None) -> Answer:
    return Answer(status, content_type, _decode(base64) if base64 is not None else body.encode())


def _decode(text: str) -> bytes:
    return base64.b64decode(text)


def main() -> None:
    """`python -m benchmarks.recorded FILE`: record a new server, for the bare app when it runs alone."""
    from benchmarks.processes import Server, real_server

    with tempfile.TemporaryDirectory() as directory, Server(real_server(Path(directory))) as server:
        asyncio.run(record(server.base_url, Requests("tml-benchmark"))).write(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
