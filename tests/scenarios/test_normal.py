"""What two plays may differ in, and what not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contracts.exchange import Response
from mock_server.scenarios.normal import difference


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(status, {"content-type": "application/json", **(headers or {})}, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("recorded", "got"),
    [
        ({"a": 1}, {"a": 1}),
        ({"created_at": "2026-07-28T12:00:00Z"}, {"created_at": "2027-01-01T00:00:00.5+01:00"}),
        ({"jwt": "eyJh.eyJi.x"}, {"jwt": "eyJh.eyJj.y"}),
        ({"duration_seconds": 1.5}, {"duration_seconds": 2}),
        (
            {"url": "http://127.0.0.1:80/f?expires=1&signature=a"},
            {"url": "http://127.0.0.1:81/f?expires=2&signature=b"},
        ),
    ],
)
def test_times_and_what_is_made_of_them_are_no_difference(recorded: Any, got: Any) -> None:
    assert difference(answer(recorded), answer(got)) is None


@pytest.mark.parametrize(
    ("recorded", "got", "where"),
    [
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, ("a.b.1", "2", "3")),
        ({"a": 1}, {"a": 1, "b": 2}, ("b", "nothing", "2")),
        ({"a": 1, "b": "x"}, {"a": 1}, ("b", "x", "nothing")),
        ({"a": [1]}, {"a": [1, 2]}, ("a", "[1]", "[1, 2]")),
        ({"loss:sum": 1.0}, {"loss:sum": 1.0000001}, ("loss:sum", "1.0", "1.0000001")),
        ({"session_id": "x"}, {"session_id": "y"}, ("session_id", "x", "y")),
    ],
)
def test_the_first_difference_is_told_with_its_place(recorded: Any, got: Any, where: tuple[str, str, str]) -> None:
    assert difference(answer(recorded), answer(got)) == where


def test_heads_and_lost_answers_differ() -> None:
    found = difference(answer({}), answer({}, 503))
    assert found is not None
    assert found[:2] == ("status", "200")
    assert difference(answer({}), answer({}, headers={"retry-after": "2"})) == ("header retry-after", "nothing", "2")
    assert difference(None, answer({})) == ("answer", "none", "status 200")
    assert difference(None, None) is None
    one, other = (Response(200, {"content-type": "application/x-tar"}, content) for content in (b"a", b"bc"))
    assert difference(one, other) == ("body", "1 bytes", "2 other bytes")
