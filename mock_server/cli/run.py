"""`tinker-mock run -- COMMAND`: a server that lives as long as one command."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mock_server.cli.client_environment import KeyOption, client_variables
from mock_server.cli.failure import fail
from mock_server.cli.serve import ConfigOption, LogLevelOption, ModelsOption, SeedOption
from mock_server.domain.tenants import LOCAL_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_STOP_SECONDS: Final = 10
_PASSED_ON: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_FROM_THE_KEYBOARD: Final = {signal.SIGINT, signal.SIGQUIT}
# What a shell answers for a command that it can't start.
_NOT_FOUND: Final = 127
_NOT_EXECUTABLE: Final = 126


def run(
    *,
    command: Annotated[list[str], typer.Argument(metavar="COMMAND...", help="The program and its arguments.")],
    data_dir: Annotated[
        Path | None,
        typer.Option(
            "--data-dir",
            envvar="TINKER_MOCK_DATA_DIR",
            help="Where everything is kept.  [default: a temporary directory]",
        ),
    ] = None,
    seed: SeedOption = None,
    models_file: ModelsOption = None,
    client_config: ConfigOption = None,
    log_level: LogLevelOption = "warning",
    key: KeyOption = LOCAL_KEY,
) -> None:
    """Start a server, run COMMAND with the variables that send it there, stop the server; exit as COMMAND did."""
    options = ["--port", "0", "--until-stdin-closes", *(["--data-dir", str(data_dir)] if data_dir else ["--ephemeral"])]
    for flag, value in (("--seed", seed), ("--models", models_file), ("--log-level", log_level)):
        options += [flag, str(value)] if value is not None else []
    for pair in client_config or []:
        options += ["--config", pair]
    with _passing_signals_on() as passing, _server(options) as url:
        variables = os.environ | client_variables(url, key, os.environ)
        try:
            with subprocess.Popen(command, env=variables) as program:  # noqa: S603  (the user's own command)
                passing.program = program
                code = program.wait()
        except FileNotFoundError:
            fail(f"there is no command {command[0]!r}.", _NOT_FOUND)
        except OSError as error:
            fail(f"can't run {command[0]!r}: {error.strerror}.", _NOT_EXECUTABLE)
    raise typer.Exit(code if code >= 0 else 128 - code)


@contextmanager
def _server(options: list[str]) -> Iterator[str]:
    """A server in a process of its own; gives its URL, and stops it at the end."""
    # -P keeps the user's working directory off the import path: a numpy.py there must not become the server's numpy.
    start = [sys.executable, "-P", "-m", "mock_server", "serve", *options]
    # A session of its own: Ctrl-C is for the command, which may want to save before the server goes.
    with subprocess.Popen(  # noqa: S603  (our own command)
        start,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=_server_environment(),
        start_new_session=True,
        text=True,
    ) as server:
        if server.stdin is None or server.stdout is None:
            raise AssertionError("Popen was asked for both pipes")
        try:
            announced = server.stdout.readline()
            if not announced:
                # It said why on standard error, which it shares with us.
                raise typer.Exit(server.wait())
            yield shlex.split(announced)[1].partition("=")[2]
            if server.poll() is not None:
                typer.echo(
                    f"error: the server stopped before the command did, with code {server.returncode}.", err=True
                )
        finally:
            server.stdin.close()
            try:
                server.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()


def _server_environment() -> dict[str, str]:
    """Our environment, in which the server can import what this process imported."""
    # The command is on this machine, wherever other clients find the servers that they are told of.
    environ = {name: value for name, value in os.environ.items() if name != "TINKER_MOCK_PUBLIC_URL"}
    paths = [str(Path(__file__).parents[2]), environ.get("PYTHONPATH")]
    return environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


class _PassingOn:
    """Passes signals on to the program, once there is one."""

    program: subprocess.Popen[bytes] | None = None

    def handle(self, signum: int, frame: FrameType | None) -> None:
        del frame
        if self.program is None:
            raise SystemExit(128 + signum)
        # A key press reaches the whole foreground group, the command included: twice would be once too often.
        if not (signum in _FROM_THE_KEYBOARD and _in_the_foreground()):
            self.program.send_signal(signum)


@contextmanager
def _passing_signals_on() -> Iterator[_PassingOn]:
    passing = _PassingOn()
    before = {signum: signal.signal(signum, passing.handle) for signum in _PASSED_ON}
    try:
        yield passing
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _in_the_foreground() -> bool:
    """Whether a terminal's keys reach our process group."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)
