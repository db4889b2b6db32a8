"""`tinker-mock serve`: it says when it answers, why it can't, and stops without leaving anything behind."""

from __future__ import annotations

import json
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from tests.cli.server_process import ROOT, serving, tinker_mock

if TYPE_CHECKING:
    from pathlib import Path

STAND_IN: Final = (sys.executable, str(ROOT / "tests" / "cli" / "stand_in.py"))


def one_line_error(output: str) -> str:
    lines = output.splitlines()
    assert len(lines) == 1, output
    assert lines[0].startswith("error: ")
    return lines[0]


def test_the_lines_to_paste_come_when_it_answers() -> None:
    with serving("--ephemeral") as server:
        assert httpx.get(f"{server.url}/api/v1/healthz").json() == {"status": "ok"}
        assert server.announced == f"export TINKER_BASE_URL={server.url} TINKER_API_KEY=tml-local\n"
        assert server.process.stdout is not None
        second = shlex.split(server.process.stdout.readline())
        assert second[0] == "export"
        assert f"HF_ENDPOINT={server.url}/hf/ccfa3d8308509ba3" in second
        assert tinker_mock("healthcheck", "--url", server.url).returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_cleanly(number: int, tmp_path: Path) -> None:
    with serving("--ephemeral", environment={"TMPDIR": str(tmp_path)}) as server:
        assert [entry.name[:12] for entry in tmp_path.iterdir()] == ["tinker-mock-"]
        assert server.stop(number) == 0
        assert list(tmp_path.iterdir()) == []
        assert "Traceback" not in server.errors()


def test_a_stop_answers_the_long_polls_first(tmp_path: Path) -> None:
    with serving("--data-dir", str(tmp_path), command=STAND_IN) as server, ThreadPoolExecutor() as pool:
        polls = [pool.submit(httpx.get, f"{server.url}/poll", timeout=30) for _ in range(5)]
        wait_for_connections(server.process.pid, 5)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 2
        assert [poll.result().json() for poll in polls] == ["released"] * 5
        assert (tmp_path / "closed").exists()


def test_a_request_that_does_not_end_holds_the_stop_up_for_seconds_only(tmp_path: Path) -> None:
    with serving("--data-dir", str(tmp_path), command=STAND_IN) as server, ThreadPoolExecutor() as pool:
        stuck = pool.submit(httpx.get, f"{server.url}/stuck", timeout=30)
        wait_for_connections(server.process.pid, 1)
        assert server.stop() == 0
        assert (tmp_path / "closed").exists()
        with pytest.raises(httpx.HTTPError):
            stuck.result().raise_for_status()


def test_a_second_signal_ends_it_on_the_spot(tmp_path: Path) -> None:
    with (
        serving("--ephemeral", command=STAND_IN, environment={"TMPDIR": str(tmp_path)}) as server,
        ThreadPoolExecutor() as pool,
    ):
        stuck = pool.submit(httpx.get, f"{server.url}/stuck", timeout=30)
        wait_for_connections(server.process.pid, 1)
        server.process.send_signal(signal.SIGINT)
        wait_until_refused(server.port)
        assert server.stop(signal.SIGINT) == 128 + signal.SIGINT
        assert list(tmp_path.iterdir()) == []
        with pytest.raises(httpx.HTTPError):
            stuck.result()


def test_it_can_live_as_long_as_its_standard_input() -> None:
    with serving("--ephemeral", "--until-stdin-closes") as server:
        assert server.process.stdin is not None
        server.process.stdin.write("what is written there does not matter\n")
        server.process.stdin.flush()
        assert httpx.get(f"{server.url}/api/v1/healthz").is_success
        server.process.stdin.close()
        assert server.process.wait(timeout=20) == 0


def test_it_stops_when_the_process_that_it_watches_has_ended() -> None:
    with (
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as watched,
        serving("--ephemeral", "--until-process-ends", str(watched.pid)) as server,
    ):
        assert server.process.poll() is None
        watched.kill()
        watched.wait()
        assert server.process.wait(timeout=20) == 0


def test_a_taken_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = tinker_mock("serve", "--ephemeral", "--port", str(port))
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"port {port} of 127.0.0.1 is taken" in one_line_error(done.stderr)


def test_a_data_directory_serves_one_server_at_a_time(tmp_path: Path) -> None:
    with serving("--data-dir", str(tmp_path)) as server:
        done = tinker_mock("serve", "--port", "0", "--data-dir", str(tmp_path))
        assert done.returncode == 1
        assert f"{tmp_path} is in use by another server (process {server.process.pid})" in one_line_error(done.stderr)
        assert httpx.get(f"{server.url}/api/v1/healthz").is_success


def test_a_killed_server_leaves_its_directory_free(tmp_path: Path) -> None:
    with serving("--data-dir", str(tmp_path)) as killed:
        assert killed.stop(signal.SIGKILL) == -signal.SIGKILL
    with serving("--data-dir", str(tmp_path)) as server:
        assert server.stop() == 0


def test_a_directory_that_can_not_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = tinker_mock("serve", "--port", "0", "--data-dir", str(tmp_path / "file" / "data"))
    assert done.returncode == 1
    assert f"the data directory {tmp_path / 'file' / 'data'} can't be written" in one_line_error(done.stderr)


def test_a_directory_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    with serving("--data-dir", str(tmp_path)) as server:
        server.stop()
    with closing(sqlite3.connect(tmp_path / "tinker.db")) as database, database:
        database.execute("UPDATE meta SET value = '9999' WHERE key = 'schema_version'")
    done = tinker_mock("serve", "--port", "0", "--data-dir", str(tmp_path))
    assert done.returncode == 1
    assert "schema version 9999" in one_line_error(done.stderr)


def test_a_catalogue_that_is_none_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text("models: [")
    done = tinker_mock("serve", "--ephemeral", "--port", "0", "--models", str(tmp_path / "models.yaml"))
    assert done.returncode == 1
    assert f"{tmp_path / 'models.yaml'} is not YAML" in one_line_error(done.stderr)


def test_the_default_directory_is_here_and_not_committed(tmp_path: Path) -> None:
    with serving(cwd=tmp_path) as server:
        assert (tmp_path / ".tinker-mock" / ".gitignore").read_text() == "*\n"
        assert server.stop() == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_other_machines_are_kept_out_unless_allowed(host: str) -> None:
    done = tinker_mock("serve", "--ephemeral", "--port", "0", "--host", host)
    assert done.returncode == 1
    assert "add --allow-remote" in one_line_error(done.stderr)


def test_a_host_that_is_none_is_one_clear_line() -> None:
    done = tinker_mock("serve", "--ephemeral", "--port", "0", "--host", "no such host")
    assert done.returncode == 1
    assert "host 'no such host' is no address of this machine" in one_line_error(done.stderr)


def test_options_can_be_environment_variables_and_go_before_them(tmp_path: Path) -> None:
    variables = {"TINKER_MOCK_DATA_DIR": str(tmp_path / "variable"), "TINKER_MOCK_LOG_FORMAT": "json"}
    with serving("--data-dir", str(tmp_path / "option"), environment=variables) as server:
        server.stop()
        assert (tmp_path / "option" / "tinker.db").exists()
        assert not (tmp_path / "variable").exists()
        lines = [json.loads(line) for line in server.errors().splitlines()]
    assert [line["level"] for line in lines if f"answers at {server.url}" in line["message"]] == ["info"]


def test_the_lines_to_paste_name_the_public_address_where_there_is_one() -> None:
    with serving("--ephemeral", environment={"TINKER_MOCK_PUBLIC_URL": "http://mock:8000"}) as server:
        assert server.announced == "export TINKER_BASE_URL=http://mock:8000 TINKER_API_KEY=tml-local\n"


def test_settings_that_are_wrong_are_a_line_each() -> None:
    done = tinker_mock(
        "serve",
        "--port",
        "99999",
        "--config",
        "paralel_fwdbwd_chunks=true",
        environment={"TINKER_MOCK_POLL_SECONDS": "soon"},
    )
    assert done.returncode == 2
    port, poll, config = done.stderr.splitlines()
    assert port.startswith("error: port (TINKER_MOCK_PORT) is 99999: ")
    assert poll.startswith("error: poll_seconds (TINKER_MOCK_POLL_SECONDS) is 'soon': ")
    assert config.endswith("did you mean 'parallel_fwdbwd_chunks'?")


def wait_for_connections(pid: int, count: int) -> None:
    """Until the server has accepted that many connections; a request follows its connection at once."""
    import psutil

    process = psutil.Process(pid)
    deadline = time.monotonic() + 20
    while sum(c.status == psutil.CONN_ESTABLISHED for c in process.net_connections()) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.1)


def wait_until_refused(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.02)
    raise AssertionError("it still listens")
