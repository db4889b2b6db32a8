"""Each effect as a client meets it, over a real connection, on both of uvicorn's HTTP parsers."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Literal

import httpx
import pytest

from tests.faults.wired_server import ANSWER, PIECE, Wired, wired
from tests.runtime.world import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(params=["httptools", "h11"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Wired]:
    parser: Literal["httptools", "h11"] = request.param
    async with wired(parser) as server:
        yield server


async def waited_for(server: Wired, seconds: float) -> None:
    """Let so much time pass once a request waits for it."""
    await until(lambda: server.clock.waiting)
    server.clock.move_to(server.clock.now() + seconds)


async def test_without_a_fault_an_answer_is_as_it_was(server: Wired) -> None:
    answer = await server.step()
    assert (answer.status_code, answer.json()) == (200, ANSWER)
    assert "x-tinker-mock-fault" not in answer.headers


@pytest.mark.parametrize(
    ("effect", "error"), [("reset", (httpx.ReadError, httpx.WriteError)), ("close", httpx.RemoteProtocolError)]
)
@pytest.mark.parametrize(("phase", "done"), [("before_handler", 0), ("after_commit", 1)])
async def test_a_lost_answer_is_lost_before_or_after_the_work(
    server: Wired, effect: str, error: type[Exception], phase: str, done: int
) -> None:
    server.inject(effect, phase, on=1)
    with pytest.raises(error):
        await server.step()
    assert len(server.calls) == done
    assert (await server.step()).json() == ANSWER


async def test_a_reset_is_one_on_the_wire(server: Wired) -> None:
    server.inject("reset")
    url = server.client.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(b"POST /step HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\n\r\n{}")
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


async def test_no_answer_comes_until_the_client_gives_up(server: Wired) -> None:
    server.inject({"hang": {"seconds": 30}}, "after_commit", on=1)
    with pytest.raises(httpx.ReadTimeout):
        await server.step(timeout=0.2)
    assert len(server.calls) == 1


async def test_a_body_too_deep_to_be_read_says_nothing_and_is_struck_all_the_same(server: Wired) -> None:
    server.inject({"status": {"status": 429}})
    answer = await server.client.post("/step", content=b'{"model_id": ' + b"[" * 100_000)
    assert answer.status_code == 429


@pytest.mark.parametrize("phase", ["before_handler", "after_commit"])
async def test_a_status_comes_with_its_headers_and_body(server: Wired, phase: str) -> None:
    server.inject({"status": {"status": 429, "headers": {"Retry-After": "2"}, "json_body": {"a": 1}}}, phase, first=2)
    answers = [await server.step() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "2"
    assert answers[0].json() == {"a": 1}
    assert answers[0].headers["x-tinker-mock-fault"] == "status"
    assert len(server.calls) == (1 if phase == "before_handler" else 3)


async def test_a_gateways_html_is_sent_as_it_is(server: Wired) -> None:
    server.inject({"status": {"status": 504, "text": "<html>Gateway Time-out</html>"}}, silent=True)
    answer = await server.step()
    assert (answer.status_code, answer.headers["content-type"]) == (504, "text/html")
    assert answer.text == "<html>Gateway Time-out</html>"
    assert "x-tinker-mock-fault" not in answer.headers


async def test_an_answer_comes_late(server: Wired) -> None:
    server.inject({"latency": {"seconds": 60}})
    answer = asyncio.create_task(server.step())
    await waited_for(server, 59.9)
    assert not answer.done()
    assert server.calls == []
    await waited_for(server, 0.1)
    assert (await answer).json() == ANSWER


async def test_a_body_ends_before_its_announced_length(server: Wired) -> None:
    server.inject({"truncate": {"bytes": 10}}, "in_body", on=1)
    with pytest.raises(httpx.RemoteProtocolError, match=r"incomplete|without sending complete"):
        await server.step()
    assert (await server.step()).json() == ANSWER


async def test_a_short_body_may_look_complete(server: Wired) -> None:
    server.inject({"truncate": {"bytes": 10, "announced": False}}, "in_body")
    assert (await server.step()).content == json.dumps(ANSWER).encode()[:10]


async def test_a_body_dribbles(server: Wired) -> None:
    server.inject({"dribble": {"bytes": 40, "seconds": 60}}, "in_body")
    answer = asyncio.create_task(server.step())
    for _ in range(2):
        await waited_for(server, 59)
        assert not answer.done()
        await waited_for(server, 1)
    assert (await answer).json() == ANSWER


async def test_garbage_is_the_same_for_the_same_seed(server: Wired) -> None:
    server.inject("garbage", "in_body")
    first, second = (await server.step()).content, (await server.step()).content
    assert len(first) == len(json.dumps(ANSWER))
    assert first != second
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(first)


@pytest.mark.parametrize(
    ("effect", "seen"),
    [
        ({"missing_field": {"field": "metrics.loss:sum"}}, {**ANSWER, "metrics": {}}),
        ({"mistyped_field": {"field": "request_id", "value": 7}}, {**ANSWER, "request_id": 7}),
        ({"wrong_length": {"field": "sequences.0.tokens"}}, {**ANSWER, "sequences": [{"tokens": [1, 2]}]}),
        (
            {"not_finite": {"field": "metrics.loss:sum", "value": "Infinity"}},
            {**ANSWER, "metrics": {"loss:sum": float("inf")}},
        ),
        ({"missing_field": {"field": "no.such.place"}}, ANSWER),
    ],
)
async def test_a_place_in_the_answer_is_spoilt(server: Wired, effect: object, seen: object) -> None:
    server.inject(effect, "in_body")
    assert json.loads((await server.step()).content) == seen


async def test_a_body_is_called_something_else(server: Wired) -> None:
    server.inject({"content_type": {"media_type": "application/x-protobuf"}}, "in_body")
    assert (await server.step()).headers["content-type"] == "application/x-protobuf"


async def test_json_lacks_its_last_brace(server: Wired) -> None:
    server.inject("invalid_json", "in_body")
    assert (await server.step()).content == json.dumps(ANSWER).encode()[:-1]


async def test_faults_stack_in_the_order_of_their_rules(server: Wired) -> None:
    server.inject({"latency": {"seconds": 10}})
    server.inject({"missing_field": {"field": "metrics"}}, "in_body")
    server.inject({"status": {"status": 503, "json_body": {"metrics": 1, "late": True}}}, "after_commit")
    answering = asyncio.create_task(server.step())
    await waited_for(server, 10)
    answer = await answering
    assert (answer.status_code, answer.json()) == (503, {"late": True})
    assert answer.headers["x-tinker-mock-fault"] == "latency, status, missing_field"


async def test_a_rule_counts_only_the_calls_that_it_is_about(server: Wired) -> None:
    server.inject({"status": {"status": 500}}, seq_id=3, run="s:train:0", on=2)
    statuses = [(await server.step(seq_id)).status_code for seq_id in (1, 3, 2, 3, 3)]
    assert statuses == [200, 200, 200, 500, 200]


async def test_what_is_no_operation_is_left_alone(server: Wired) -> None:
    server.inject({"status": {"status": 500}})
    assert (await server.client.post("/other", json={})).status_code == 200


async def test_of_two_rules_of_one_phase_the_later_one_has_the_last_word(server: Wired) -> None:
    server.inject({"status": {"status": 500}})
    server.inject({"status": {"status": 502, "text": "<html>"}})
    assert (await server.step()).status_code == 502


async def test_a_rule_may_count_by_what_was_answered(server: Wired) -> None:
    server.inject({"status": {"status": 503}}, "after_commit", answered=200, on=2)
    server.inject({"status": {"status": 500}}, "after_commit", answered=404)
    assert [(await server.step()).status_code for _ in range(3)] == [200, 503, 200]
    assert [(each.calls, each.struck) for each in server.plan.active] == [(3, 1), (0, 0)]


@pytest.mark.parametrize(
    ("effect", "phase"),
    [
        ({"missing_field": {"field": "no.such.place"}}, "in_body"),
        ("invalid_protobuf", "in_body"),
        ({"truncate": {"bytes": 1000}}, "in_body"),
    ],
)
async def test_a_fault_that_finds_nothing_says_so_and_leaves_no_mark(server: Wired, effect: object, phase: str) -> None:
    server.inject(effect, phase)
    answer = await server.step()
    assert (answer.json(), "x-tinker-mock-fault" in answer.headers) == (ANSWER, False)
    (rule,) = server.plan.active
    assert (rule.struck, rule.missed) == (1, 1)


@pytest.mark.parametrize(
    ("form", "name", "value"),
    [
        ("seconds", "retry-after", "2.5"),
        ("date", "retry-after", r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"),
        ("milliseconds", "retry-after-ms", "2500"),
    ],
)
async def test_when_to_come_again_is_said_in_each_of_three_forms(
    server: Wired, form: str, name: str, value: str
) -> None:
    server.inject({"status": {"status": 429, "retry_after": 2.5, "retry_after_as": form}})
    assert re.fullmatch(value, (await server.step()).headers[name])


async def test_a_chunk_ends_in_its_middle(server: Wired) -> None:
    server.inject({"cut_chunk": {"bytes": 10}}, "in_body", on=1)
    with pytest.raises(httpx.RemoteProtocolError, match=r"incomplete chunked|without sending complete"):
        await server.step()
    assert (await server.step()).json() == ANSWER


async def arrived(server: Wired) -> tuple[bytes, Exception | None]:
    """What of the download came, and what ended it."""
    body = bytearray()
    try:
        async with server.client.stream("GET", "/download") as answer:
            async for piece in answer.aiter_raw():
                body += piece
    except httpx.TransportError as error:
        return bytes(body), error
    return bytes(body), None


@pytest.mark.parametrize(("effect", "error"), [("reset", httpx.ReadError), ("close", httpx.RemoteProtocolError)])
async def test_a_download_of_gigabytes_ends_behind_so_many_bytes(
    server: Wired, effect: str, error: type[Exception]
) -> None:
    """Nobody collects it: the handler is let go a few pieces later."""
    server.inject({effect: {"after_bytes": 1_000_000}}, "in_body")
    body, ended_by = await arrived(server)
    assert isinstance(ended_by, error)
    assert body == (PIECE * 16)[:1_000_000]
    assert 16 <= len(server.sent) < 64


async def test_a_download_is_reset_after_so_much_time(server: Wired) -> None:
    server.inject({"dribble": {"bytes": len(PIECE), "seconds": 50}}, "in_body")
    server.inject({"reset": {"after_seconds": 320}}, "in_body")
    download = asyncio.create_task(arrived(server))
    for seconds in (50, 50, 50, 50, 50, 50, 20):
        await until(lambda: server.clock.waiting == 2)
        await waited_for(server, seconds)
    body, ended_by = await download
    assert isinstance(ended_by, httpx.ReadError)
    assert 1 <= len(body) // len(PIECE) <= 7, "a reset may overtake what was sent before it"
    assert len(server.sent) < 64


async def test_a_download_is_truncated_in_truth_or_as_if_it_were_whole(server: Wired) -> None:
    server.inject({"truncate": {"bytes": 100_000, "announced": False}}, "in_body", on=1)
    server.inject({"truncate": {"bytes": 100_000}}, "in_body", on=2)
    body, ended_by = await arrived(server)
    assert (len(body), ended_by) == (100_000, None)
    body, ended_by = await arrived(server)
    assert (len(body), type(ended_by)) == (100_000, httpx.RemoteProtocolError)


async def test_a_download_is_noise_all_through(server: Wired) -> None:
    server.inject("garbage", "in_body")
    server.inject({"truncate": {"bytes": 200_000, "announced": False}}, "in_body")
    body, _ = await arrived(server)
    assert len(body) == 200_000
    assert all(body[start : start + 1000] != PIECE[:1000] for start in range(0, 200_000, len(PIECE)))


async def test_the_connection_serves_on_when_the_answer_was_replaced_in_its_middle(server: Wired) -> None:
    server.inject({"status": {"status": 500}}, "after_commit", operation="download")
    assert (await server.client.get("/download")).status_code == 500
    assert len(server.sent) < 8
    assert (await server.step()).json() == ANSWER
