"""The observer inside the server: it judges what clients see, says so once, and is there only on request."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from mock_server.app import create_app
from mock_server.listening import Listening, Overheard
from mock_server.observing import Verdicts
from mock_server.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import Scope

SCOPE: Scope = {"type": "http", "method": "GET", "path": "/api/v1/sessions", "query_string": b"", "headers": []}


def overheard() -> Overheard:
    heard = Overheard(SCOPE)
    heard.start = {"type": "http.response.start", "status": 401, "headers": []}
    heard.answered = True
    return heard


def test_a_broken_rule_is_logged_once_with_its_requirement_and_noted_each_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    verdicts = Verdicts()
    exchanges = [overheard(), overheard()]
    with caplog.at_level(logging.WARNING):
        for heard in exchanges:
            verdicts.began(heard)
            verdicts.ended(heard)
    lines = [record.getMessage() for record in caplog.records]
    expected = (
        "MUST C-KEY not kept (Every operation carries X-API-Key.): the request has no X-API-Key "
        "[key-on-every-call: #1 GET /api/v1/sessions -> 401]"
    )
    assert lines.count(expected) == 1
    assert verdicts.tally.counts["key-on-every-call"].failed == 2
    for heard in exchanges:
        assert ("key-on-every-call", "the request has no X-API-Key") in heard.verdicts


def test_requests_count_in_the_order_in_which_they_come(caplog: pytest.LogCaptureFixture) -> None:
    verdicts, first, second = Verdicts(), overheard(), overheard()
    verdicts.began(first)
    verdicts.began(second)
    verdicts.ended(second)
    verdicts.ended(first)
    assert "#2 GET /api/v1/sessions" in caplog.text


def test_the_server_listens_only_where_that_is_asked_for(tmp_path: Path) -> None:
    app = create_app(Settings(data_dir=tmp_path, journal=False))
    assert not isinstance(app.middleware_stack, Listening)
    app = create_app(Settings(data_dir=tmp_path, journal=False, observe=True))
    assert isinstance(app.middleware_stack, Listening)
    assert isinstance(app.state.verdicts, Verdicts)


def test_watching_without_its_library_is_refused_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mock_server.settings.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"install tinker-mock\[contract\]"):
        Settings(observe=True)
