"""The behaviour part as a whole: no false alarm, an end on any server, and findings that a person can read."""

from __future__ import annotations

import asyncio
import json
import shlex
import socket
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from time import monotonic
from typing import TYPE_CHECKING, Final

import pytest

from client_tests.crash.victim import Victim
from client_tests.harness.in_thread import served
from client_tests.harness.server import serving
from contracts.requirements import SERVER_PROFILES
from contracts.server.behaviour import exploring
from contracts.server.behaviour.checks import BEHAVIOUR, EXPIRED, RESTART, SOUND, STRANGERS, TRAINED
from contracts.server.behaviour.exploring import BUDGETS
from contracts.server.behaviour.walks import WALKS
from contracts.server.judgement import Judgement
from contracts.server.target import Target
from tests.contracts import silly
from tests.mutants.serving import broken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Receive, Scope, Send

    from contracts.server.behaviour.exploring import Budget
    from contracts.verdicts import Finding

SOME: Final = replace(BUDGETS["short"], seconds=100.0, plans=((10, 6), (5, 20)))
"""Fewer sequences than a person would ask for, and time enough on a busy machine."""
ONLY_WALKS: Final = replace(SOME, plans=())


def explored(target: Target, budget: Budget = SOME, seconds: float = 120, *wanted: str) -> dict[str, Finding]:
    """What was found, by check. wanted: the checks whose failure ends it."""
    found: dict[str, Finding] = {}

    class Kept(Judgement):
        def found(self, finding: Finding) -> None:
            assert finding.check not in found, "a check is reported once"
            found[finding.check] = finding

    exploring.run(target, Kept(), monotonic() + seconds, budget, frozenset(wanted))
    return found


def failures(found: dict[str, Finding]) -> dict[str, str]:
    return {check: finding.evidence for check, finding in found.items() if not finding.passed}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving() as server:
        yield server.url
        assert "Traceback" not in server.log()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_this_server_does_what_the_model_foretells(url: str, seed: int) -> None:
    found = explored(Target(url, seed=seed, clock=True))
    assert failures(found) == {}
    assert found.keys() == {*BEHAVIOUR} - {RESTART}


def test_keys_that_were_given_are_left_as_they_were(url: str) -> None:
    keys = ("tml-first-of-two-keys", "tml-second-of-two-keys")
    assert failures(explored(Target(url, keys), ONLY_WALKS)) == {}
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as connection:
        head = f"GET /api/v1/checkpoints HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-API-Key: {keys[0]}\r\n\r\n"
        connection.sendall(head.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["checkpoints"] == []


def test_with_one_key_nothing_is_said_of_strangers(url: str) -> None:
    found = explored(Target(url, ("tml-the-only-key",)), ONLY_WALKS)
    assert failures(found) == dict.fromkeys(STRANGERS, "not shown: it takes a second tenant: give two keys")


def test_only_what_a_server_claims_is_judged(url: str) -> None:
    claimed = tuple(name for name in SERVER_PROFILES if name not in {"security", "sampling"})
    found = explored(Target(url, profiles=claimed), ONLY_WALKS)
    assert failures(found) == {}
    assert {"sampler-sees-its-save", "no-stranger-gets-results", RESTART, EXPIRED}.isdisjoint(found)


def test_every_check_has_a_walk_that_comes_to_it() -> None:
    assert {check for walk in WALKS for check in walk.checks} == {*BEHAVIOUR} - {TRAINED}


# Ending.


@pytest.mark.parametrize(
    ("status", "body", "media_type"),
    [
        (404, b'{"detail": "Not Found"}', "application/json"),
        (500, b"Internal Server Error", "text/plain"),
        (200, b"{}", "application/json"),
        (200, b'{"session_id": "s", "request_id": "r", "supported_models": [{"model_name": "m"}]}', "application/json"),
        (200, b"\xff\xff", "application/x-protobuf"),
        (200, b"<html></html>", "text/html"),
    ],
)
def test_a_silly_server_is_left_at_once(status: int, body: bytes, media_type: str) -> None:
    with silly.always(status, body, media_type) as url:
        found = explored(Target(url))
    assert found.keys() == {*BEHAVIOUR} - {RESTART, EXPIRED}
    assert len(failures(found)) == len(found)
    others = {evidence for check, evidence in failures(found).items() if check != SOUND}
    assert others == {f"not shown: it takes requests that succeed, and {SOUND} failed"}


def test_a_deadline_is_kept_and_what_was_not_reached_is_said(url: str) -> None:
    began = monotonic()
    found = explored(Target(url), seconds=2)
    assert monotonic() - began < 60
    late = [evidence for evidence in failures(found).values() if evidence.endswith("over before it was reached")]
    assert late


def test_a_server_that_lacks_something_is_judged_by_the_rest() -> None:
    with broken("published-missing-in-lists") as url:
        found = explored(Target(url))
    assert failures(found).keys() == {"checkpoint-lists-are-true"}


# What is found.


def test_a_broken_sequence_is_told_in_words_and_shortened() -> None:
    wanted, budget = "taken-name-keeps-its-checkpoint", replace(BUDGETS["short"], seconds=100.0, shrinking=30.0)
    with broken("sampler-names-overwritten") as url:
        finding = explored(Target(url), budget, 120, wanted)[wanted]
    assert not finding.passed
    assert "succeeded where it had to fail. The steps: 1. A session is opened. 2. run 1 is created" in finding.evidence
    assert "save_weights_for_sampler(c1)" in finding.evidence
    assert " 10. " not in finding.evidence, "four steps do; how far it is shortened depends on the machine"
    assert finding.exchanges[-1].request.path == "/api/v1/retrieve_future"
    assert any(exchange.request.path == "/api/v1/create_session" for exchange in finding.exchanges)


def test_a_failure_that_does_not_come_again_is_reported_all_the_same() -> None:
    with broken("step-lost") as url:  # every third step, whoever makes it
        found = explored(Target(url))
    assert not found["equal-histories-equal-numbers"].passed


# A restart.


@contextmanager
def restarting(directory: Path, *, forget: bool = False) -> Iterator[Target]:
    """A server that a shell command kills and starts again. forget: without what it had."""
    with Victim(directory) as victim:

        def restart() -> None:
            victim.kill()
            if forget:
                rmtree(victim.data)
            victim.start()
            victim.wait()

        async def app(_: Scope, __: Receive, send: Send) -> None:
            await asyncio.to_thread(restart)
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        with served(app) as bell:
            ring = f"from urllib.request import urlopen; urlopen('{bell}', timeout=50)"
            yield Target(victim.url, restart=shlex.join([sys.executable, "-c", ring]))


def test_what_this_server_acknowledged_survives_its_death(tmp_path: Path) -> None:
    with restarting(tmp_path) as target:
        found = explored(target, replace(SOME, plans=((6, 12),)))
    assert failures(found) == {}
    assert found[RESTART].passed


@pytest.mark.breaks("acknowledged-survives-restart")
def test_a_server_that_forgets_is_caught(tmp_path: Path) -> None:
    with restarting(tmp_path, forget=True) as target:
        found = explored(target, replace(ONLY_WALKS, shrinking=0.0))
    assert failures(found).keys() == {RESTART}
    assert "The server is restarted" in found[RESTART].evidence


def test_a_restart_that_fails_is_no_verdict_on_the_server(url: str) -> None:
    found = explored(Target(url, restart="echo no such thing >&2; exit 3"), ONLY_WALKS)
    assert failures(found).keys() == {RESTART}
    assert "the restart ended with 3: no such thing" in found[RESTART].evidence
