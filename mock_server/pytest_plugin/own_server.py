"""A server of a test's own, which it may kill and start again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_server.pytest_plugin.shared_server import logged_server

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping
    from pathlib import Path

_STOP_SECONDS = 10


class OwnServer:
    """url: the same after each start. settings: names as in docs/settings.md."""

    def __init__(self, directory: Path, settings: Mapping[str, object]) -> None:
        self._log = directory / "server.log"
        self._data = directory / "data"
        self._settings = settings
        self.url, self._process = self._started("0")

    def kill(self) -> None:
        """End it like a power cut: nothing is written any more, and no connection is closed in order."""
        self._process.kill()
        self._process.wait()

    def start(self) -> None:
        """Start it again on the same data, at the same address."""
        self.url, self._process = self._started(self.url.rpartition(":")[2])

    def restart(self) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start()

    def stop(self) -> None:
        """End it in order, if it is not dead yet."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        finally:
            self._process.kill()

    @property
    def log(self) -> str:
        """What it has said on standard error."""
        return self._log.read_text()

    def _started(self, port: str) -> tuple[str, subprocess.Popen[str]]:
        return logged_server(self._log, ["--port", port, "--data-dir", str(self._data)], self._settings)
