"""A small application behind the fault layer, on a real socket and on either of uvicorn's HTTP parsers."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import httpx
import uvicorn

from mock_server.faults import FaultLayer, FaultPlan, FaultRule, Server
from tests.runtime.manual_clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Literal

    from starlette.types import Receive, Scope, Send

    from mock_server.runtime import Runtime

ANSWER = {"request_id": "r1", "metrics": {"loss:sum": 2.5}, "sequences": [{"tokens": [1, 2, 3]}]}
PIECE = bytes(range(256)) * 256
PIECES = 1 << 16
"""Of the file that `download` answers: 4 GiB."""


@dataclass
class Wired:
    """calls: the bodies that reached the handler, whatever became of their answers. sent: pieces of `download`.

    clock: everybody's; it stands until a test moves it.
    """

    client: httpx.AsyncClient
    plan: FaultPlan
    clock: ManualClock
    calls: list[Any] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)

    def inject(self, effect: Any, phase: str = "before_handler", **rule: Any) -> None:
        self.plan.add(FaultRule.parse({"effect": effect, "phase": phase, **rule}))

    async def step(self, seq_id: int = 1, **more: Any) -> httpx.Response:
        return await self.client.post("/step", json={"model_id": "s:train:0", "seq_id": seq_id}, **more)


@asynccontextmanager
async def wired(http: Literal["httptools", "h11"]) -> AsyncIterator[Wired]:
    """The application answers ANSWER to every POST, which is `step` at /step, and PIECES of PIECE to `download`."""
    calls: list[Any] = []
    sent: list[int] = []

    async def download(send: Send) -> None:
        length = str(PIECES * len(PIECE)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        for number in range(PIECES):
            sent.append(number)
            await send({"type": "http.response.body", "body": PIECE, "more_body": number < PIECES - 1})

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        if scope["method"] == "GET":
            await download(send)
            return
        calls.append(json.loads(message["body"]))
        body = json.dumps(ANSWER).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    plan = FaultPlan(seed=7)
    clock = ManualClock()

    def operation_of(method: str, path: str) -> str | None:
        return {("POST", "/step"): "step", ("GET", "/download"): "download"}.get((method, path))

    # This application has no operations: of a runtime, only clocks.
    runtime = cast("Runtime", SimpleNamespace(clocks=clock.clocks))
    layer = FaultLayer(app, plan, Server(operation_of, str.lower, lambda: runtime))
    server = uvicorn.Server(uvicorn.Config(layer, http=http, lifespan="off", log_config=None, timeout_keep_alive=60))
    # Listening before it serves, so that nobody has to wait for it.
    listener = socket.create_server(("127.0.0.1", 0))
    headers = {"X-API-Key": "tml-somebody"}
    port = listener.getsockname()[1]
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=5) as client:
            yield Wired(client, plan, clock, calls, sent)
    finally:
        server.should_exit = True
        await serving
