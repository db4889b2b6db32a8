"""`tinker-mock run -- COMMAND`: the command runs as if alone, with a server that is there for just as long."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final

import psutil
import pytest

from tests.cli.server_process import TINKER_MOCK, clean_environment, tinker_mock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PRINT_ENVIRONMENT: Final = "import json, os; print(json.dumps(dict(os.environ)))"
ASK_THE_SERVER: Final = (
    "import os, urllib.request; print(urllib.request.urlopen(os.environ['TINKER_BASE_URL'] + '/api/v1/healthz').read())"
)
# Says when it is ready, then which signals it got, and ends with a code of its own.
COUNT_SIGNALS: Final = """
import signal, sys, time
got = []
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda number, frame: got.append(signal.Signals(number).name))
print("ready", flush=True)
deadline = time.monotonic() + 20
while not got and time.monotonic() < deadline:
    time.sleep(0.01)
time.sleep(0.3)  # a second copy of the signal would come at once
print(*got, flush=True)
sys.exit(7)
"""

KILL_THE_SERVER: Final = """
import os, psutil
server = next(child for child in psutil.Process(os.getppid()).children() if "serve" in child.cmdline())
server.kill()
while server.status() != psutil.STATUS_ZOMBIE:
    pass
"""


def run_python(script: str, *options: str) -> subprocess.CompletedProcess[str]:
    return tinker_mock("run", *options, "--", sys.executable, "-c", script)


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], IO[str], IO[str]]]:
    """A process with its standard input and output; killed at the end, if it still is."""
    pipe = subprocess.PIPE
    with subprocess.Popen(arguments, env=clean_environment(), stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process, process.stdin, process.stdout
        finally:
            process.kill()


def test_the_command_finds_a_server_that_is_gone_afterwards() -> None:
    done = run_python(f"{ASK_THE_SERVER}; {PRINT_ENVIRONMENT}")
    assert done.returncode == 0, done.stderr
    health, environment = done.stdout.splitlines()
    assert "ok" in health
    variables = json.loads(environment)
    assert variables["TINKER_API_KEY"] == "tml-local"
    assert variables["HF_ENDPOINT"].startswith(variables["TINKER_BASE_URL"] + "/hf/")
    assert tinker_mock("healthcheck", "--url", variables["TINKER_BASE_URL"]).returncode == 1
    assert done.stderr == ""


def test_it_exits_as_the_command_did() -> None:
    assert run_python("raise SystemExit(42)").returncode == 42
    assert run_python("import os; os.kill(os.getpid(), 15)").returncode == 128 + signal.SIGTERM


@pytest.mark.parametrize(("program", "code"), [("no-such-program", 127), ("/dev/null", 126)])
def test_a_command_that_can_not_start_is_what_a_shell_says(program: str, code: int) -> None:
    done = tinker_mock("run", program)
    assert done.returncode == code
    assert done.stderr.startswith("error: ")
    assert program in done.stderr


def test_a_server_that_can_not_start_is_said_once() -> None:
    done = run_python("print('never')", "--config", "no_such_flag=1")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "no_such_flag" in done.stderr
    assert done.stderr.count("error: ") == 1


def test_a_data_directory_keeps_what_the_command_did(tmp_path: Path) -> None:
    assert run_python(ASK_THE_SERVER, "--data-dir", str(tmp_path)).returncode == 0
    assert (tmp_path / "tinker.db").exists()


def test_the_command_may_take_options_without_dashes_before_it() -> None:
    done = tinker_mock("run", "--seed", "3", sys.executable, "-c", "print('as', 'it', 'stands')")
    assert done.stdout == "as it stands\n"


def test_modules_in_the_working_directory_do_not_become_the_servers(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("raise ImportError('this is the numpy of the user')")
    done = tinker_mock("run", sys.executable, "-c", "print('ran')", cwd=tmp_path)
    assert done.stdout == "ran\n", done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_the_commands_to_answer(number: signal.Signals) -> None:
    with started(*TINKER_MOCK, "run", "--", sys.executable, "-c", COUNT_SIGNALS) as (process, _, output):
        assert output.readline() == "ready\n"
        process.send_signal(number)
        assert output.readline() == f"{number.name}\n"
        assert process.wait(timeout=20) == 7


def test_ctrl_c_reaches_the_command_once_and_the_server_not_at_all() -> None:
    # In a terminal of its own, whose keys go to the whole foreground group.
    in_a_terminal = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"
    script = COUNT_SIGNALS.replace("sys.exit(7)", f"{ASK_THE_SERVER}; sys.exit(7)")
    command = (*TINKER_MOCK, "run", "--", sys.executable, "-c", script)
    with started(sys.executable, "-c", in_a_terminal, *command) as (process, keyboard, screen):
        assert screen.readline().strip() == "ready"
        keyboard.write("\x03")
        keyboard.flush()
        assert screen.readline().strip() in {"SIGINT", "^CSIGINT"}
        assert "ok" in screen.readline()
        assert process.wait(timeout=20) == 7


def test_a_killed_run_takes_its_server_along() -> None:
    command = (*TINKER_MOCK, "run", "--", sys.executable, "-c", "print('ready', flush=True); input()")
    with started(*command) as (process, _, output):
        assert output.readline() == "ready\n"
        server, program = sorted(
            psutil.Process(process.pid).children(), key=lambda child: "serve" not in child.cmdline()
        )
        process.kill()
        assert server.wait(timeout=20) is None  # not our child, so only its end is known
        program.kill()


def test_a_server_that_dies_before_the_command_is_reported() -> None:
    done = run_python(KILL_THE_SERVER)
    assert done.returncode == 0
    assert done.stderr == f"error: the server stopped before the command did, with code {-signal.SIGKILL}.\n"
