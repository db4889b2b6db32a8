"""`tinker-mock check exchanges` and `tinker-mock proxy`: verdicts on a terminal."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.cli.server_process import TINKER_MOCK, clean_environment, tinker_mock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RIGHT = {"x-api-key": "tml-a", "content-type": "application/json"}


def line(headers: dict[str, str]) -> str:
    said: dict[str, Any] = {
        "status": 200,
        "headers": {"content-type": "application/json"},
        "body": {"json": {"status": "ok"}},
    }
    return json.dumps(
        {"method": "GET", "path": "/api/v1/get_session", "request": {"headers": headers}, "response": said}
    )


def test_a_file_with_a_broken_must_is_told_and_exits_with_1(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(line({}))
    done = tinker_mock("check", "exchanges", str(tmp_path / "a.jsonl"))
    assert done.returncode == 1, done.stderr
    assert "MUST client: Every operation carries X-API-Key." in done.stdout
    assert "key-on-every-call (C-KEY) failed 1 of 1 times: the request has no X-API-Key" in done.stdout
    assert "#1 GET /api/v1/get_session -> 200" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("1 exchanges: ")


def test_a_file_in_which_all_is_well_exits_with_0(tmp_path: Path) -> None:
    told = json.loads(line(RIGHT)) | {"path": "/api/v1/healthz"}
    (tmp_path / "a.jsonl").write_text(json.dumps(told))
    done = tinker_mock("check", "exchanges", str(tmp_path / "a.jsonl"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("0 MUST and 0 SHOULD failed\n")


@pytest.mark.parametrize(("text", "why"), [("nonsense", "line 1"), ("", "holds no exchange"), (None, "No such file")])
def test_what_can_not_be_judged_is_an_error(tmp_path: Path, text: str | None, why: str) -> None:
    if text is not None:
        (tmp_path / "a.jsonl").write_text(text)
    done = tinker_mock("check", "exchanges", str(tmp_path / "a.jsonl"))
    assert done.returncode == 2
    assert why in done.stderr
    assert done.stderr.startswith("error: ")


@contextmanager
def proxy(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with subprocess.Popen(
        [*TINKER_MOCK, "proxy", *arguments],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().partition("TINKER_BASE_URL=")[2].strip()
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_proxy_ends_on_a_signal_with_its_verdict_and_a_whole_record(tmp_path: Path, number: signal.Signals) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        upstream = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with proxy("--upstream", upstream, "--record", str(tmp_path / "a.har")) as (process, url):
            assert httpx.get(f"{url}/api/v1/sessions", trust_env=False).status_code == 502
            process.send_signal(number)
            out, error = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "MUST client: Every operation carries X-API-Key." in out
    assert out.splitlines()[-1].startswith("1 exchanges: ")
    # While it ran it said so at once, too.
    assert error.splitlines()[0].startswith("MUST C-KEY: ")
    assert len(json.loads((tmp_path / "a.har").read_text())["log"]["entries"]) == 1


def test_a_proxy_that_saw_nothing_wrong_exits_with_0() -> None:
    with proxy("--upstream", "http://127.0.0.1:1") as (process, _):
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=20)
    assert (process.returncode, error) == (0, "")
    assert out.startswith("0 exchanges: ")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--upstream", "localhost:80"], "is no address"),
        (["--upstream", "http://127.0.0.1:1", "--record", "/nowhere/at/all.har"], "No such file"),
    ],
)
def test_a_proxy_that_can_not_start_says_why(arguments: list[str], why: str) -> None:
    done = tinker_mock("proxy", *arguments)
    assert done.returncode == 2
    assert why in done.stderr
    assert done.stderr.startswith("error: ")


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = tinker_mock("proxy", "--upstream", "http://127.0.0.1:1", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "Give another --port" in done.stderr
