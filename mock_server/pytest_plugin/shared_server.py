"""One server for all test workers: who needs it first starts it, and it ends with the process that began the tests."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from mock_server.server_process import ServerNotStarted, start_server

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def shared_server(directory: Path, lives_as: int) -> str:
    """The URL of the tests' server. directory: the same for all workers. lives_as: whose end is the server's, a pid."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = directory / "url"
        if not known.exists():
            options = ["--port", "0", "--ephemeral", "--until-process-ends", str(lives_as)]
            url, process = logged_server(directory / "server.log", options, {})
            process.returncode = 0  # whoever forgets a process that he has not waited for is warned of it
            known.write_text(url)
        return known.read_text()


def logged_server(
    log: Path, options: Sequence[str], settings: Mapping[str, object]
) -> tuple[str, subprocess.Popen[str]]:
    """The URL and the process of a server that writes to this log and is told these settings, and no others.

    Where it does not start, the test fails with what it said.
    """
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TINKER_MOCK_")}
    environ |= {f"TINKER_MOCK_{name.upper()}": _text(value) for name, value in settings.items()}
    with log.open("a") as errors:
        try:
            return start_server(options, environ, stdin=subprocess.DEVNULL, stderr=errors)
        except ServerNotStarted as error:
            pytest.fail(f"tinker-mock did not start: {log.read_text().strip() or error}", pytrace=False)


def _text(value: object) -> str:
    return json.dumps(value) if isinstance(value, bool | dict) else str(value)
