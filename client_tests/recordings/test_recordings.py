"""Every recorded request is sent again, and gets an answer of the status and the shape that the client got."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from client_tests.harness.in_thread import served
from contracts.recorded import RECORDINGS, captures, replay
from contracts.recorded.excuses import excuses

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_tests.harness.server import Server
    from client_tests.harness.wire import Wire
    from contracts.recorded import Replay

CAPTURES = [capture for recording in RECORDINGS for capture in captures(recording)]
LIFE = CAPTURES[0]


@pytest.fixture(scope="module")
def replayed(server: Server) -> Callable[[int], Replay]:
    """What came of a capture, by its place among CAPTURES; each is replayed once, as a tenant of its own."""

    @cache
    def replayed(place: int) -> Replay:
        return replay(CAPTURES[place], server.url, f"tml-test-{uuid4().hex}")

    return replayed


@pytest.mark.parametrize("place", range(len(CAPTURES)), ids=lambda place: str(CAPTURES[place]))
def test_the_same_requests_get_answers_of_the_same_status_and_shape(
    place: int, replayed: Callable[[int], Replay]
) -> None:
    findings = replayed(place).findings
    assert not findings, "\n".join(map(str, findings))


def test_no_exception_is_stale(replayed: Callable[[int], Replay]) -> None:
    used = {used for place in range(len(CAPTURES)) for used in replayed(place).used}
    assert [str(excuse) for excuse in excuses() if excuse not in used] == []


def test_a_poll_of_what_waits_for_a_later_request_is_sent_after_that(server: Server, key: str) -> None:
    """With parallel chunks, clients ask for the second chunk's result before they send the first chunk."""
    lines = {line.number: line for line in LIFE.lines}
    forward, poll, backward = lines[11], lines[13], lines[14]
    assert [forward.answer.json["request_id"], poll.body.json["request_id"]] == ["req-12", "req-12"]
    ends_later = replace(poll, body=replace(poll.body, json=poll.body.json | {"request_id": "req-15"}))
    turned = (*LIFE.lines[: LIFE.lines.index(forward)], backward, ends_later, forward, poll)
    found = replay(replace(LIFE, lines=turned), server.url, key, seconds=20).findings
    assert not found, "\n".join(map(str, found))


# Each way to answer otherwise is found.

MADE = {"request_id": "req", "model_id": "run"}


@pytest.mark.parametrize(
    ("path", "status", "body", "finding"),
    [
        ("get_server_capabilities", 503, {"detail": "busy"}, "status: recorded 200, got 503"),
        ("get_server_capabilities", 200, {"supported_models": []}, "$.supported_models: recorded 1 of them, got none"),
        (
            "get_server_capabilities",
            200,
            {"supported_models": [{"model_name": 7, "max_context_length": 1, "trainable": True, "sampleable": True}]},
            "$.supported_models[].model_name: recorded a text, got a number (7)",
        ),
        ("telemetry", 200, {}, "$.status: recorded a text, got nothing"),
        ("session_heartbeat", 200, {"type": "other"}, "$.type: recorded 'session_heartbeat', got 'other'"),
        ("session_heartbeat", 0, {}, "answer: recorded status 200, got no answer"),
        ("retrieve_future", 200, {"type": "create_model"}, "$.model_id: recorded a text, got nothing"),
    ],
)
def test_a_wrong_answer_is_found(
    wire: Wire, key: str, path: str, status: int, body: dict[str, Any], finding: str
) -> None:
    # The stage is set through the same wire, but asks none of these, nor for results in the client's words.
    wire.spoil(path, status=status, body=body, when=lambda sent: path != "retrieve_future" or b"allow_meta" in sent)
    found = replay(LIFE, wire.url, key).findings
    assert [str(each) for each in found if each.request.endswith(path) and finding in str(each)]


def test_json_in_the_place_of_protobuf_is_found(wire: Wire, key: str) -> None:
    forward = next(line for line in LIFE.lines if line.headers.get("x-tinker-request-type") == "Forward")
    sent_before = [0]

    def is_the_forwards(sent: bytes) -> bool:
        sent_before[0] += b"allow_metadata_only" in sent
        return sent_before[0] == 2 and b"allow_metadata_only" in sent

    wire.spoil("retrieve_future", status=200, body={"type": "forward"}, when=is_the_forwards)
    found = [each for each in replay(LIFE, wire.url, key).findings if each.line == forward.number]
    assert [each.where for each in found] == ["header content-type"]


def test_another_content_type_is_found(wire: Wire, key: str) -> None:
    wire.spoil("stream_sample", status=200, body={"token": 1})
    (found,) = replay(CAPTURES[-1], wire.url, key).findings
    assert (found.where, found.recorded, found.got) == ("header content-type", "text/event-stream", "application/json")


def test_an_operation_that_fails_is_found_where_its_poll_was_left_out(wire: Wire, key: str) -> None:
    step = next(line for line in LIFE.lines if line.path.endswith("/optim_step"))
    seen: list[str] = []

    def is_the_steps(sent: bytes) -> bool:
        submitted = [json.loads(each.answer)["request_id"] for each in wire.of("optim_step")]
        seen.extend(submitted)
        return bool(submitted) and json.loads(sent)["request_id"] == submitted[0]

    wire.spoil("retrieve_future", status=200, body={"error": "no", "category": "user"}, when=is_the_steps)
    found = [each for each in replay(LIFE, wire.url, key).findings if each.line == step.number]
    assert [(each.where, each.got) for each in found] == [("result", "a failure")]


# Whatever is at the address, the replay ends by itself.


def test_where_nothing_listens_one_finding_says_so(key: str) -> None:
    found = replay(LIFE, "http://127.0.0.1:9", key).findings
    assert [each.where for each in found] == ["scene"]
    assert "no answer" in found[0].got


def test_a_server_that_never_answers_is_given_up_in_time(key: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        began = monotonic()
        found = replay(captures("tinkex-0.4.0")[0], url, key, seconds=0.5).findings
        assert monotonic() - began < 5
    assert [each.where for each in found] == ["answer", "given up"]
    assert found[-1].got == "nothing more: 0.5 seconds are over"


def test_a_server_that_falls_silent_is_not_asked_for_ever(wire: Wire, key: str) -> None:
    for path in ("get_info", "forward", "optim_step", "forward_backward"):
        wire.spoil(path, status=0, times=100)
    found = replay(captures("tinkex-0.4.0")[0], wire.url, key).findings
    assert found[-1].where == "given up"
    assert "for the 3rd time in a row" in found[-1].got
    assert len(found) < 10


@pytest.mark.parametrize("answer", ["[]", '"text"', "{}", "not JSON", '{"request_id": "r", "session_id": 7}'])
def test_a_server_that_answers_all_alike_is_judged_to_the_end(answer: str, key: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer.encode()})

    with served(app) as url:
        for capture in (LIFE, CAPTURES[-1]):
            assert replay(capture, url, key).findings
