"""A server that is killed and started again on the same data directory and the same port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from client_tests.harness.server import clean_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = Path(__file__).parents[2]
SEED: Final = 5
"""Of every server here, so that two worlds have the same ids."""


class Victim:
    """One data directory and one address; of the server processes on them, one lives at a time."""

    def __init__(self, directory: Path, settings: Mapping[str, object] | None = None) -> None:
        self.data = directory / "data"
        self.settings = dict(settings or {})
        self._log = directory / "log"
        self._process: subprocess.Popen[str] | None = None
        # Held, but not listened on: the kernel gives the port to no other test while the server is dead.
        self._address = socket.socket()
        self._address.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._address.bind(("127.0.0.1", 0))
        self.port: int = self._address.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        self.wait()
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()
        self._address.close()

    def start(self, **settings: object) -> None:
        """Start a process, now or from now on with these settings too; `wait` says when it answers."""
        self.settings |= settings
        variables = {f"TINKER_MOCK_{name.upper()}": str(value) for name, value in self.settings.items()}
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mock_server", "serve"],
                env=clean_environment()
                | {"TINKER_MOCK_PORT": str(self.port), "TINKER_MOCK_DATA_DIR": str(self.data)}
                | {"TINKER_MOCK_SEED": str(SEED), "PYTHONPATH": str(ROOT)}
                | variables,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def wait(self) -> None:
        """Return when it answers."""
        assert self._process is not None
        assert self._process.stdout is not None
        assert self.url in self._process.stdout.readline(), self.log()

    def kill(self) -> None:
        """SIGKILL, at whatever it is doing; returns when it is gone."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.communicate()
            self._process = None

    def restart(self) -> None:
        """Kill it and wait until the next one answers."""
        self.kill()
        self.start()
        self.wait()

    def stop(self) -> None:
        """End it as a user would."""
        assert self._process is not None
        self._process.terminate()
        assert self._process.wait(timeout=20) == 0, self.log()
        self._process.communicate()
        self._process = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def log(self) -> str:
        """What all processes so far have said."""
        return self._log.read_text()
