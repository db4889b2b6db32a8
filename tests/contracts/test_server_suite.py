"""Any server can be judged by its URL: a good one holds, a silly one is told what is wrong, and it always ends."""

from __future__ import annotations

import json
import socket
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from client_tests.harness.in_thread import AsgiThread
from client_tests.harness.server import serving
from contracts.server import vectors
from contracts.server.judgement import Judgement
from contracts.server.scope import profile_of
from contracts.server.suite import PARTS
from contracts.server.target import Target
from contracts.spec import operations
from tests.cli.server_process import tinker_mock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.types import Receive, Scope, Send

ONE = ["tinkex-0.4.0"]


@pytest.fixture
def silly(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server that answers everything the same: (status, media type, body)."""
    status, media_type, body = request.param

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    thread = AsgiThread(app)
    yield thread.start()
    thread.stop()


@pytest.mark.timeout(400)
def test_this_server_keeps_every_must(tmp_path: Path) -> None:
    options = ["--effort", "short", "--json", "report.json"]
    with serving() as server:
        done = tinker_mock("check", "server", server.url, *options, cwd=tmp_path, seconds=300)
    report = json.loads((tmp_path / "report.json").read_text())
    assert done.returncode == 0, done.stdout + done.stderr
    assert report["verdict"] == "kept"
    assert [part["name"] for part in report["parts"]] == list(PARTS)
    assert [part["ended"] for part in report["parts"] if part["ended"]] == []
    assert done.stderr.count("as recorded") >= 18
    assert "0 MUST and " in done.stdout


@pytest.mark.breaks("answers-like-those-recorded")
@pytest.mark.parametrize(
    "silly",
    [
        (404, "application/json", b'{"detail": "Not Found"}'),
        (500, "text/plain", b"Internal Server Error"),
        (200, "application/json", b"{}"),
        (200, "text/html", b"<html></html>"),
    ],
    indirect=True,
)
def test_a_silly_server_is_judged_to_the_end(silly: str) -> None:
    found = Judgement()
    vectors.run(Target(silly), found, monotonic() + 10, ONE)
    assert found.broken
    assert found.tally.counts["answers-like-those-recorded"].failed == 1


@pytest.mark.parametrize("silly", [(404, "application/json", b'{"detail": "Not Found"}')], indirect=True)
def test_what_a_server_does_not_claim_is_no_difference(silly: str) -> None:
    found = Judgement()
    vectors.run(Target(silly, profiles=("form",)), found, monotonic() + 30, ONE)
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
    assert "URL is 'localhost:8000'" in done.stderr
