"""One server for all test workers: who needs it first starts it, and it ends with the process that began the tests."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ServerNotStarted(Exception):
    """Why not, as the server said it."""


def shared_server(directory: Path, lives_as: int, options: Sequence[str] = ()) -> str:
    """The URL of the tests' server. directory: the same for all workers. lives_as: whose end is the server's, a pid.

    Raises ServerNotStarted.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = directory / "url"
        if not known.exists():
            url, process = start_server(directory / "server.log", ["--until-process-ends", str(lives_as), *options])
            process.returncode = 0  # whoever forgets a process that he has not waited for is warned of it
            known.write_text(url)
        return known.read_text()


def start_server(
    log: Path, options: Sequence[str], settings: Mapping[str, object] | None = None
) -> tuple[str, subprocess.Popen[str]]:
    """Start a server; returns its URL, as soon as it answers there, and its process.

    Without options on a free port, and with data that go with it. Raises ServerNotStarted.
    """
    # -P: a numpy.py in the directory of the tests must not become the server's numpy.
    command = [sys.executable, "-P", "-m", "mock_server", "serve", *options]
    if "--port" not in options:
        command += ["--port", "0"]
    if "--data-dir" not in options:
        command += ["--ephemeral"]
    with log.open("a") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own command
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=_environment(settings or {}),
            # Ctrl-C is for the tests; what they still do on the way out may need the server.
            start_new_session=True,
            text=True,
        )
    assert process.stdout is not None  # it was asked for
    with process.stdout:
        # It says two lines: who stopped listening after the first would break the pipe under it.
        announced, _ = process.stdout.readline(), process.stdout.readline()
    if not announced:
        process.wait()
        raise ServerNotStarted(log.read_text().strip() or f"it ended with code {process.returncode}")
    return shlex.split(announced)[1].partition("=")[2], process


def _environment(settings: Mapping[str, object]) -> dict[str, str]:
    """Ours, in which the server can import what this process imported, and is told these settings and no others."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TINKER_MOCK_")}
    paths = [str(Path(__file__).parents[2]), environ.get("PYTHONPATH")]
    told = {f"TINKER_MOCK_{name.upper()}": _text(value) for name, value in settings.items()}
    return environ | told | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def _text(value: object) -> str:
    return json.dumps(value) if isinstance(value, bool | dict) else str(value)
