"""Any server can be judged by its URL: a good one holds, a silly one is told what is wrong, and it always ends."""

from __future__ import annotations

import json
import socket
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from client_tests.harness.server import serving
from contracts.server import vectors
from contracts.server.judgement import Judgement
from contracts.server.scope import profile_of
from contracts.server.suite import PARTS
from contracts.server.target import Target
from contracts.spec import operations
from tests.cli.server_process import UNMEASURED, tinker_mock
from tests.contracts import silly

if TYPE_CHECKING:
    from pathlib import Path

ONE = ["tinkex-0.4.0"]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("part", PARTS)
def test_this_server_keeps_every_must(part: str, tmp_path: Path) -> None:
    options = ["--part", part, "--effort", "short", "--json", "report.json"]
    with serving() as server:
        command = ("check", "server", server.url, *options)
        done = tinker_mock(*command, cwd=tmp_path, environment=UNMEASURED, seconds=300)
    report = json.loads((tmp_path / "report.json").read_text())
    assert done.returncode == 0, done.stdout + done.stderr
    assert report["verdict"] == "kept"
    assert [(ran["name"], ran["ended"]) for ran in report["parts"]] == [(part, "")]
    assert "0 MUST and " in done.stdout
    if part == "vectors":
        assert done.stderr.count("as recorded") >= 18


@pytest.mark.breaks("answers-like-those-recorded")
@pytest.mark.parametrize(
    ("status", "body", "media_type"),
    [
        (404, b'{"detail": "Not Found"}', "application/json"),
        (500, b"Internal Server Error", "text/plain"),
        (200, b"{}", "application/json"),
        (200, b"<html></html>", "text/html"),
    ],
)
def test_a_silly_server_is_judged_to_the_end(status: int, body: bytes, media_type: str) -> None:
    found = Judgement()
    with silly.always(status, body, media_type) as url:
        vectors.run(Target(url), found, monotonic() + 10, ONE)
    assert found.broken
    assert found.tally.counts["answers-like-those-recorded"].failed == 1


def test_what_a_server_does_not_claim_is_no_difference() -> None:
    found = Judgement()
    with silly.always(404, b'{"detail": "Not Found"}') as url:
        vectors.run(Target(url, profiles=("form",)), found, monotonic() + 30, ONE)
    assert found.tally.counts["answers-like-those-recorded"].failed == 0


@pytest.mark.parametrize(
    ("operation", "profile"),
    [
        ("save_weights", "checkpoints"),
        ("create_session", "core"),
        ("asample", "sampling"),
        ("retrieve_future", "futures"),
        ("download", "archives"),
        ("delete_key", "rest"),
    ],
)
def test_an_operation_belongs_to_a_profile(operation: str, profile: str) -> None:
    assert profile_of(operations()[operation]) == profile


def test_a_server_that_is_not_there_is_no_verdict() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    done = tinker_mock("check", "server", f"http://127.0.0.1:{port}")
    assert done.returncode == 2
    assert "does not answer: start the server" in done.stderr


def test_an_address_that_is_none_is_refused() -> None:
    done = tinker_mock("check", "server", "localhost:8000")
    assert done.returncode == 2
    assert "url 'localhost:8000' is none of a server" in done.stderr
