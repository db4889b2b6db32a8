"""The questions of the suite: this server answers all of them rightly, and no answer breaks who asks."""

from __future__ import annotations

import json
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from contracts.exchange import Exchange, Request, Response
from contracts.observer import Observer
from contracts.observer.described import Described
from contracts.server import asking
from contracts.server.checks.hostile import bomb
from contracts.server.judgement import Judgement
from contracts.server.target import Target
from tests.contracts import silly
from tests.mutants.serving import UNBROKEN, broken

if TYPE_CHECKING:
    from collections.abc import Iterator


TENANTS = frozenset(each.id for each in asking.all_checks() if each.function and "tenants" in each.function.__module__)


@pytest.fixture(scope="module")
def sound() -> Iterator[str]:
    """The server as it is."""
    with broken(UNBROKEN) as url:
        yield url


def asked(target: Target, seconds: float = 400) -> Judgement:
    judgement = Judgement()
    asking.run(target, judgement, monotonic() + seconds)
    return judgement


@pytest.mark.timeout(500)
@pytest.mark.parametrize(("seed", "keys"), [(1, ()), (2, ()), (3, ("tml-one", "tml-two"))])
def test_this_server_answers_every_question_rightly(sound: str, seed: int, keys: tuple[str, ...]) -> None:
    judgement = asked(Target(sound, keys, seed=seed))
    failed = {finding.check: finding for _, finding in judgement.tally.failures()}
    failed.pop("answers-promptly", None)  # where other tests keep the machine busy
    assert failed == {}
    assert {each.id for each in asking.all_checks()} <= judgement.tally.counts.keys()


def test_what_needs_two_keys_says_so_where_there_is_one(sound: str) -> None:
    due = [each for each in asking.all_checks() if each.id in TENANTS]
    judgement = Judgement()
    asking.run(Target(sound, ("tml-alone",)), judgement, monotonic() + 60, due)
    failed = {finding.check: finding.evidence for _, finding in judgement.tally.failures()}
    assert failed.keys() == TENANTS
    assert all("give a second --key" in evidence for evidence in failed.values())


@pytest.mark.parametrize(
    ("status", "media_type", "body"),
    [
        (404, "application/json", b'{"detail": "Not Found"}'),
        (500, "text/plain", b"Internal Server Error"),
        (200, "application/json", b"{}"),
        (200, "text/html", b"<html></html>"),
        (200, "application/json", b"[" * 100_000 + b"]" * 100_000),
        (200, "application/json", b'{"session_id": 1, "request_id": null, "supported_models": [[]], "cursor": []}'),
    ],
)
def test_no_answer_breaks_who_asks(status: int, media_type: str, body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contracts.server.raw._SECONDS", 2.0)  # of waiting for an answer to a body without an end
    with silly.always(status, body, media_type) as url:
        judgement = asked(Target(url))
    every = {each.id for each in asking.all_checks()}
    assert every <= judgement.tally.counts.keys()
    failed = {name for name in every if judgement.tally.counts[name].failed}
    # Some of the others are right in what they refuse.
    assert len(failed) > 0.9 * len(every)
    assert judgement.broken


def test_what_came_too_late_is_not_asked_and_said_so() -> None:
    judgement = asked(Target("http://127.0.0.1:1"), seconds=0)
    evidence = {finding.evidence for _, finding in judgement.tally.failures()}
    assert evidence == {"not asked: the time of the suite was over"}


def test_json_that_is_too_deep_hurts_nobody_who_watches() -> None:
    body = json.dumps({"tags": []}).encode()[:-1] + b', "user_metadata": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    request = Request("POST", "/api/v1/create_session", headers={"content-type": "application/json"}, body=body)
    response = Response(400, {"content-type": "application/json"}, b'{"detail": "too deep", "message": "too deep"}')
    Observer(Described()).see(Exchange(1, request, response))
    assert request.json is None


def test_a_bomb_is_what_it_says() -> None:
    import zstandard

    assert zstandard.ZstdDecompressor().stream_reader(bomb(300_000)).read() == bytes(300_000)
    assert len(bomb(2 * 1024**3)) < 70_000
