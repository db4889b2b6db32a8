"""The outermost layer: it hears what clients hear, and never gets in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mock_server.listening import FAULTS, Listening, Overheard

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

SCOPE: Scope = {"type": "http", "method": "GET", "path": "/api/v1/healthz", "query_string": b"", "headers": []}
START: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}


class Listener:
    """Remembers what it is told, and stumbles where a test wants it to."""

    def __init__(self, *, stumbles: bool = False) -> None:
        self.told: list[tuple[str, Overheard]] = []
        self._stumbles = stumbles

    def began(self, heard: Overheard) -> None:
        self._take_in("began", heard)

    def ended(self, heard: Overheard) -> None:
        self._take_in("ended", heard)

    def _take_in(self, what: str, heard: Overheard) -> None:
        self.told.append((what, heard))
        if self._stumbles:
            raise RuntimeError("oh")


class Cycle:
    """What uvicorn's `send` belongs to."""

    def __init__(self) -> None:
        self.disconnected = False
        self.sent: list[Message] = []

    async def send(self, message: Message) -> None:
        self.sent.append(message)


async def exchange(
    *messages: Message, scope: Scope = SCOPE, cycle: Cycle | None = None, stumbles: bool = False
) -> tuple[Listener, list[Message]]:
    """Who listened, and what was sent, when the application answers with these messages."""
    cycle, listener = cycle or Cycle(), Listener(stumbles=stumbles)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert getattr(send, "__self__", None) is cycle
        await receive()
        for message in messages:
            await send(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"asked"}

    await Listening(app, [listener])(dict(scope), receive, cycle.send)
    return listener, cycle.sent


async def test_an_answer_is_heard_as_it_is_sent() -> None:
    messages: list[Message] = [START, {"type": "http.response.body", "body": b'{"status":"ok"}'}]
    listener, sent = await exchange(*messages)
    assert sent == messages
    assert [what for what, _ in listener.told] == ["began", "ended"]
    heard = listener.told[1][1]
    assert heard is listener.told[0][1]
    assert (heard.asked.body, heard.start, heard.answer.body) == (b"asked", START, b'{"status":"ok"}')
    assert heard.answered
    assert heard.ended >= heard.started


@pytest.mark.parametrize("body", [{"body": b"{", "more_body": True}, None])
async def test_an_answer_that_does_not_end_is_none(body: dict[str, Any] | None) -> None:
    listener, _ = await exchange(START, *([] if body is None else [{"type": "http.response.body", **body}]))
    assert not listener.told[1][1].answered


async def test_an_answer_to_a_client_that_has_left_is_none() -> None:
    cycle = Cycle()
    cycle.disconnected = True
    listener, _ = await exchange(START, {"type": "http.response.body", "body": b"{}"}, cycle=cycle)
    assert not listener.told[1][1].answered


async def test_a_long_answer_is_kept_in_part() -> None:
    piece: Message = {"type": "http.response.body", "body": bytes(1 << 20), "more_body": True}
    listener, _ = await exchange(START, *[piece] * 9, {"type": "http.response.body"})
    heard = listener.told[1][1]
    assert heard.answered
    assert not heard.answer.whole
    assert (heard.answer.size, len(heard.answer.body)) == (9 << 20, 4 << 20)


async def test_what_is_not_of_the_api_is_not_listened_to() -> None:
    listener, sent = await exchange(START, scope={**SCOPE, "path": "/__admin/health"})
    assert listener.told == []
    assert sent == [START]


async def test_faults_are_heard_of_through_the_scope() -> None:
    listener, _ = await exchange(START, scope={**SCOPE, FAULTS: ["reset"]})
    assert listener.told[1][1].faults == ["reset"]
    assert (await exchange(START))[0].told[1][1].faults == ()


async def test_a_listener_that_stumbles_does_not_trip_the_server(caplog: pytest.LogCaptureFixture) -> None:
    listener, sent = await exchange(START, stumbles=True)
    assert sent == [START]
    assert len(listener.told) == 2
    assert caplog.text.count("stumbled over GET /api/v1/healthz") == 2


async def test_an_application_that_fails_is_listened_to_as_well() -> None:
    listener = Listener()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise OSError("gone")

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(OSError, match="gone"):
        await Listening(app, [listener])(SCOPE, receive, Cycle().send)
    assert not listener.told[1][1].answered
