"""A `tinker-mock serve` of its own for a test, and short runs of the other commands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT: Final = Path(__file__).parents[2]
TINKER_MOCK: Final = (sys.executable, "-m", "mock_server")
UNMEASURED: Final = {"COVERAGE_PROCESS_CONFIG": "", "COVERAGE_PROCESS_START": ""}
"""Variables of a process that coverage is to leave alone: it costs time and memory, and tells of the server only."""


def clean_environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment without our own variables and without proxies, so that the machine does not decide a test."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TINKER_", "HF_")) and not name.lower().endswith("_proxy")
    }
    return kept | {"PYTHONPATH": str(ROOT)} | dict(variables or {})


def tinker_mock(
    *arguments: str,
    command: Sequence[str] = TINKER_MOCK,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    seconds: float = 60,
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [*command, *arguments],
        env=clean_environment(environment),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


class ServerProcess:
    """A running server: its address, what it printed, and its end."""

    def __init__(self, process: subprocess.Popen[str], announced: str) -> None:
        self.process = process
        self.announced = announced
        self.url = announced.partition("TINKER_BASE_URL=")[2].partition(" ")[0]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def resident_megabytes(self) -> float:
        import psutil

        return float(psutil.Process(self.process.pid).memory_info().rss / 2**20)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send the signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=20)

    def errors(self) -> str:
        """What it said on standard error, after its end."""
        assert self.process.stderr is not None
        return self.process.stderr.read()


@contextmanager
def serving(
    *arguments: str,
    command: Sequence[str] = TINKER_MOCK,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[ServerProcess]:
    """Start a server on a free port and wait until it says that it answers; kill what is left of it at the end."""
    with subprocess.Popen(
        [*command, "serve", "--port", "0", *arguments],
        env=clean_environment(environment),
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            announced = process.stdout.readline()
            assert announced, process.communicate()[1]
            yield ServerProcess(process, announced)
        finally:
            process.kill()
