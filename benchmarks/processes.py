"""Servers as processes of their own, and what the kernel says they cost."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


class ServerFailedToStartError(RuntimeError):
    pass


@dataclass(frozen=True)
class Command:
    """How to start a server that prints its own http://127.0.0.1:<port> once it listens."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    """What it is told beside ours."""


def real_server(
    data_dir: Path, *options: str, name: str = "real", module: str = "mock_server", journal: bool = True
) -> Command:
    """The server with these options of `serve`, or a module's that runs it in a form of its own."""
    arguments = ["-m", module, "serve", "--port", "0", "--data-dir", str(data_dir), *options]
    return Command(name, arguments, {} if journal else {"TINKER_MOCK_JOURNAL": "false"})


def bare_app(answers: Path) -> Command:
    return Command("bare", ["-m", "benchmarks.bare_app", "--answers", str(answers)])


class Server:
    """A running server; `with Server(command)` stops it at the end."""

    def __init__(self, command: Command) -> None:
        self.name = command.name
        started = time.perf_counter()
        # A file, not a pipe: a server that logs more than a pipe holds would stop and wait for a reader.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the server
        self._process = subprocess.Popen(
            [sys.executable, *command.arguments],
            env=os.environ | command.environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._usage = psutil.Process(self._process.pid)
        try:
            self.base_url = self._wait_for_address()
        except BaseException:
            self.stop()
            raise
        self.listening_after_s = time.perf_counter() - started

    def cpu_s(self) -> float:
        """CPU seconds of all threads so far, user and system."""
        times = self._usage.cpu_times()
        return times.user + times.system

    def rss_mb(self) -> float:
        return self._usage.memory_info().rss / 2**20

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def log(self) -> str:
        """Everything the server has printed so far."""
        # pread leaves the offset alone, which the server's own writes share.
        return os.pread(self._log.fileno(), 1 << 20, 0).decode(errors="replace")

    def _wait_for_address(self) -> str:
        while self._process.poll() is None:
            if found := _ADDRESS.search(self.log()):
                return found.group()
            time.sleep(0.002)
        raise ServerFailedToStartError(
            f"the {self.name} server ended before it printed its address; it said:\n{self.log()}"
        )
