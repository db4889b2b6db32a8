"""The floor: a bare Starlette app that answers from memory what the real server answered to the same requests.

`python -m benchmarks.bare_app` runs it alone, with the answers recorded in `bare_answers.json`: enough for the official
SDK to train against, and no server at all: nothing is checked, stored or computed.
"""

from __future__ import annotations

import argparse
import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.http_client import Answer
from benchmarks.recorded import Recorded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    Endpoint = Callable[[Request], Awaitable[Response]]

SHIPPED_ANSWERS = Path(__file__).with_name("bare_answers.json")

ENDPOINTS = {
    "client_config": ("POST", "/api/v1/client/config"),
    "dynamic_config": ("POST", "/api/v1/client/dynamic_config"),
    "create_session": ("POST", "/api/v1/create_session"),
    "heartbeat": ("POST", "/api/v1/session_heartbeat"),
    "finish": ("POST", "/api/v1/sessions/{session_id}/finish"),
    "telemetry": ("POST", "/api/v1/telemetry"),
    "capabilities": ("GET", "/api/v1/get_server_capabilities"),
    "healthz": ("GET", "/api/v1/healthz"),
    "create_model": ("POST", "/api/v1/create_model"),
    "get_info": ("POST", "/api/v1/get_info"),
    "forward_backward": ("POST", "/api/v1/forward_backward"),
    "optim_step": ("POST", "/api/v1/optim_step"),
    "save_weights": ("POST", "/api/v1/save_weights"),
    "load_weights": ("POST", "/api/v1/load_weights"),
    "save_weights_for_sampler": ("POST", "/api/v1/save_weights_for_sampler"),
    "sampler": ("GET", "/api/v1/samplers/{sampling_session_id}"),
    "asample": ("POST", "/api/v1/asample"),
    "training_run": ("GET", "/api/v1/training_runs/{run_id}"),
    "checkpoints": ("GET", "/api/v1/checkpoints"),
}


def create_app(recorded: Recorded) -> Starlette:
    routes = [
        Route(path, _replay(recorded.endpoints[name]), methods=[method])
        for name, (method, path) in ENDPOINTS.items()
        if name in recorded.endpoints
    ]
    return Starlette(routes=[*routes, Route("/api/v1/retrieve_future", _retrieve(recorded), methods=["POST"])])


def _replay(answer: Answer) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        await request.body()
        return _response(answer)

    return endpoint


def _retrieve(recorded: Recorded) -> Endpoint:
    unknown = Answer(
        404, "application/json", b'{"detail": "The bare app knows no other request ids than its recorded ones."}'
    )

    async def retrieve_future(request: Request) -> Response:
        request_id = json.loads(await request.body()).get("request_id")
        return _response(recorded.futures.get(request_id, unknown))

    return retrieve_future


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, media_type=answer.content_type or None)


def main() -> None:
    parser = argparse.ArgumentParser(description="Answer recorded answers from memory.")
    parser.add_argument("--answers", type=Path, default=SHIPPED_ANSWERS, help="a recording of a real server's answers")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    arguments = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", arguments.port))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    # As the real server runs it; anything else and the ratios would compare settings.
    config = uvicorn.Config(
        create_app(Recorded.read(arguments.answers)),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=120,
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
