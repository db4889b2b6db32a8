"""A real server in a process of its own, as users start it."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT: Final = Path(__file__).parents[2]


def clean_environment() -> dict[str, str]:
    """Ours without what would decide a test: settings of server and SDK, and proxies.

    Without coverage too, which takes a server a second at its start: what runs here is measured in unit tests.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TINKER_", "HF_", "COVERAGE_")) and not name.lower().endswith("_proxy")
    }


@dataclass(frozen=True)
class Server:
    """A running server: its address and its log."""

    url: str
    process: subprocess.Popen[str]
    _log: IO[str]

    def log(self) -> str:
        """What it has said so far on standard error."""
        os.lseek(self._log.fileno(), 0, os.SEEK_SET)
        return os.read(self._log.fileno(), 1 << 24).decode()


@contextmanager
def serving(settings: Mapping[str, object] | None = None) -> Iterator[Server]:
    """A server with these settings (names as in docs/settings.md), ended as a user would at the end of the block.

    Ephemeral unless a data_dir is given.
    """
    given = {"ephemeral": True} if not settings or "data_dir" not in settings else {}
    variables = {f"TINKER_MOCK_{name.upper()}": _text(value) for name, value in (given | dict(settings or {})).items()}
    # The log goes to a file: a pipe that nobody reads would fill up and stop the server.
    with (
        TemporaryFile("w+") as log,
        subprocess.Popen(
            [sys.executable, "-m", "mock_server", "serve", "--port", "0"],
            env=clean_environment() | variables | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        announced = process.stdout.readline()
        server = Server(announced.partition("TINKER_BASE_URL=")[2].split(" ")[0], process, log)
        assert server.url, server.log()
        try:
            yield server
        finally:
            process.terminate()
            process.wait(timeout=20)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ",".join(f"{name}={_text(each)}" for name, each in value.items())
    return str(value).lower() if isinstance(value, bool) else str(value)
