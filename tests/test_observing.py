"""The observer inside the server: it sees what clients see, says so once, and never gets in the way."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from contracts.exchange import Exchange, Request, Response
from mock_server.app import create_app
from mock_server.observing import Observing, Verdicts
from mock_server.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import Message, Receive, Scope, Send

SCOPE: Scope = {"type": "http", "method": "GET", "path": "/api/v1/healthz", "query_string": b"", "headers": []}
START: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}


async def answered(*messages: Message, scope: Scope = SCOPE) -> tuple[list[Exchange], list[Message]]:
    """What is seen, and what is sent, when the application answers with these messages."""
    seen: list[Exchange] = []
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        sent.append(message)

    await Observing(app, seen.append)(scope, receive, send)
    return seen, sent


async def test_an_answer_is_seen_as_it_is_sent() -> None:
    messages = [START, {"type": "http.response.body", "body": b'{"status":"ok"}'}]
    seen, sent = await answered(*messages)
    assert sent == messages
    assert seen[0].response == Response(200, {"content-type": "application/json"}, b'{"status":"ok"}')


async def test_an_answer_that_does_not_end_is_none() -> None:
    seen, _ = await answered(START, {"type": "http.response.body", "body": b"{", "more_body": True})
    assert seen[0].response is None


async def test_a_long_answer_is_kept_in_part() -> None:
    piece: Message = {"type": "http.response.body", "body": bytes(1 << 20), "more_body": True}
    seen, _ = await answered(START, *[piece] * 9, {"type": "http.response.body"})
    assert seen[0].response is not None
    assert not seen[0].response.whole
    assert len(seen[0].response.body) <= 4 << 20


async def test_what_is_not_of_the_api_is_not_looked_at() -> None:
    seen, sent = await answered(START, scope={**SCOPE, "path": "/__admin/health"})
    assert seen == []
    assert sent == [START]


async def test_an_observer_that_stumbles_does_not_trip_the_server(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)

    def stumble(exchange: Exchange) -> None:
        raise RuntimeError("oh")

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await Observing(app, stumble)(SCOPE, receive, send)
    assert sent == [START]
    assert "could not judge #1 GET /api/v1/healthz" in caplog.text


def test_a_broken_rule_is_logged_once_with_its_requirement(caplog: pytest.LogCaptureFixture) -> None:
    verdicts = Verdicts()
    exchange = Exchange(1, Request("GET", "/api/v1/sessions"), Response(401, {}, b""), 1, 2)
    with caplog.at_level(logging.WARNING):
        verdicts.see(exchange)
        verdicts.see(exchange)
    lines = [record.getMessage() for record in caplog.records]
    expected = (
        "MUST C-KEY not kept (Every operation carries X-API-Key.): the request has no X-API-Key "
        "[key-on-every-call: #1 GET /api/v1/sessions -> 401]"
    )
    assert lines.count(expected) == 1
    assert verdicts.tally.counts["key-on-every-call"].failed == 2


def test_the_server_is_watched_only_where_that_is_asked_for(tmp_path: Path) -> None:
    assert not isinstance(create_app(Settings(data_dir=tmp_path)).middleware_stack, Observing)
    assert isinstance(create_app(Settings(data_dir=tmp_path, observe=True)).middleware_stack, Observing)


def test_watching_without_its_library_is_refused_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mock_server.settings.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"install tinker-mock\[contract\]"):
        Settings(observe=True)
