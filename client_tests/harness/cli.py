"""The SDK's own command, `tinker`, as a user runs it."""

from __future__ import annotations

import atexit
import json
import subprocess
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from client_tests.harness.endings import ended_well
from client_tests.harness.environments import NEWEST, sdk_interpreter
from client_tests.harness.server import clean_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

RUNNER: Final = Path(__file__).with_name("command_runner.py")


class Command:
    """An interpreter with one version of the SDK in it, which forks itself into the command (command_runner.py)."""

    def __init__(self, version: str) -> None:
        self._process = subprocess.Popen(
            [str(sdk_interpreter(version)), str(RUNNER)],
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self, arguments: list[str], environment: Mapping[str, str], directory: Path, given: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with TemporaryDirectory() as folder:
            streams = {name: Path(folder) / name for name in ("in", "out", "err")}
            for name, file in streams.items():
                file.write_text(given if name == "in" else "")
            order = {"arguments": arguments, "environment": dict(environment), "directory": str(directory)}
            order |= {name: str(file) for name, file in streams.items()}
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            code = int(self._process.stdout.readline())
            return subprocess.CompletedProcess(arguments, code, streams["out"].read_text(), streams["err"].read_text())

    def close(self) -> None:
        self._process.communicate()


@cache
def _command(version: str) -> Command:
    """As long as the test process lives."""
    command = Command(version)
    atexit.register(command.close)
    return command


@dataclass(frozen=True)
class Cli:
    """`tinker` with a home directory of its own, which is where it runs, too. version: the SDK's."""

    url: str
    key: str | None
    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    version: str = NEWEST

    def run(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run it to its end, whatever that is. `given`: what is typed."""
        variables = {"TINKER_BASE_URL": self.url, "HOME": str(self.home), "COLUMNS": "400", **self.environment}
        if self.key is not None:
            variables["TINKER_API_KEY"] = self.key
        return _command(self.version).run(list(arguments), clean_environment() | variables, self.home, given)

    def table(self, *arguments: str, given: str = "") -> str:
        """What it prints for people."""
        ended = self.run(*arguments, given=given)
        assert ended_well(ended.returncode), ended.stdout + ended.stderr
        return ended.stdout

    def json(self, *arguments: str) -> Any:
        """What it prints for programs."""
        return json.loads(self.table("--format", "json", *arguments))

    def shows(self, *arguments: str, texts: list[str]) -> Any:
        """Its JSON, which has these texts in it, as its table has."""
        table, value = self.table(*arguments), self.json(*arguments)
        for text in texts:
            assert text in table
            assert text in json.dumps(value)
        return value

    def refused(self, *arguments: str) -> str:
        """What it says when it fails."""
        ended = self.run(*arguments)
        assert not ended_well(ended.returncode), ended.stdout
        return ended.stdout + ended.stderr

    def as_tenant(self, key: str | None) -> Cli:
        """The same command with another key, or with none."""
        return replace(self, key=key)

    def knowing(self, **environment: str) -> Cli:
        """With more environment variables."""
        return replace(self, environment={**self.environment, **environment})
