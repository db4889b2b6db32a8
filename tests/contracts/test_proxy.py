"""The proxy passes every byte on as it comes, and sees what crossed."""

from __future__ import annotations

import gzip
import json
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from client_tests.harness.in_thread import served
from contracts.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Receive, Scope, Send

    from contracts.exchange import Exchange


async def upstream(scope: Scope, receive: Receive, send: Send) -> None:
    """Tells what it was asked; `/cut` breaks off in the middle, `/zip` is compressed."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    told = {
        "path": scope["raw_path"].decode(),
        "query": scope["query_string"].decode(),
        "headers": [[name.decode(), value.decode()] for name, value in scope["headers"]],
        "length": len(body),
    }
    content = json.dumps(told).encode()
    headers = [(b"content-type", b"application/json"), (b"x-twice", b"1"), (b"x-twice", b"2")]
    if scope["path"] == "/zip":
        content = gzip.compress(content)
        headers.append((b"content-encoding", b"gzip"))
    length = len(content) + (scope["path"] == "/cut")
    headers.append((b"content-length", str(length).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


@contextmanager
def proxied(url: str) -> Iterator[tuple[httpx.Client, list[Exchange]]]:
    seen: list[Exchange] = []
    proxy = Proxy(url, seen.append)
    with served(proxy, last=proxy.close) as address, httpx.Client(base_url=address, trust_env=False) as client:
        yield client, seen


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with served(upstream) as url:
        yield url


def test_path_query_body_and_headers_arrive_as_they_were_sent(server: str) -> None:
    with proxied(f"{server}/base/") as (client, seen):
        answer = client.post("/api/v1/a%3Ab?x=%20y&x=2", content=b"z" * 100_000, headers={"X-API-Key": "tml-k"})
        told = answer.json()
        assert (told["path"], told["query"], told["length"]) == ("/base/api/v1/a%3Ab", "x=%20y&x=2", 100_000)
        assert ["x-api-key", "tml-k"] in told["headers"]
        assert answer.headers.get_list("x-twice") == ["1", "2"]
    (exchange,) = seen
    assert exchange.request.path == "/api/v1/a:b"
    assert len(exchange.request.body) == 100_000
    assert exchange.response is not None
    assert exchange.response.json == told
    assert exchange.ended > exchange.started > 0


def test_nothing_is_said_that_the_client_did_not_say_but_where_it_was_asked(server: str) -> None:
    with proxied(server) as (client, _):
        client.headers.clear()
        told = dict(client.get("/plain").json()["headers"])
        assert told.keys() <= {"host", "connection", "x-forwarded-host", "x-forwarded-proto"}
        assert told["x-forwarded-host"] == client.base_url.netloc.decode()


def test_a_compressed_answer_is_passed_on_as_it_is_and_seen_as_it_means(server: str) -> None:
    with proxied(server) as (client, seen):
        answer = client.get("/zip")
        assert answer.headers["content-encoding"] == "gzip"
    assert seen[0].response is not None
    assert seen[0].response.json == answer.json()


def test_an_answer_that_breaks_off_breaks_off_and_is_none(server: str) -> None:
    with proxied(server) as (client, seen), pytest.raises(httpx.RemoteProtocolError):
        client.get("/cut")
    assert seen[0].response is None


def test_a_server_that_is_not_there_is_502_with_its_address() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with proxied(url) as (client, seen):
            answer = client.get("/api/v1/healthz")
            assert answer.status_code == 502
            assert url in answer.json()["detail"]
            assert "running" in answer.json()["message"]
    assert seen[0].response is None
