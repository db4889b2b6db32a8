"""Client programs as tests write them: plain functions, sent by their source to the SDK's interpreter."""

from __future__ import annotations

import inspect
import json
import subprocess
import textwrap
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, Final

from client_tests.harness.environments import sdk_interpreter
from client_tests.harness.server import clean_environment
from mock_server.admin_client import AdminClient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RUNNER: Final = Path(__file__).with_name("program_runner.py")


class ProgramFailed(AssertionError):
    """The program raised, or hung; its own traceback is the message."""


class Runner:
    """One long-lived interpreter with one version of the SDK in it."""

    def __init__(self, version: str) -> None:
        self.version = version
        self._process: subprocess.Popen[str] | None = None
        self._errors: IO[str] = TemporaryFile("w+")  # noqa: SIM115 - lives as long as the runner

    def run(self, order: dict[str, Any]) -> Any:
        """Run one program to its end and return its value."""
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        before = self._errors.seek(0, 2)
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        try:
            line = process.stdout.readline()
        except BaseException:
            # The test was given up; what its program would still answer must not reach the next one.
            self.stop()
            raise
        if not line:
            self.stop()
            self._errors.seek(before)
            raise ProgramFailed(f"the program did not end within {order['timeout']} s:\n{self._errors.read()}")
        answer = json.loads(line)
        if "failure" in answer:
            raise ProgramFailed(answer["failure"])
        return answer["value"]

    def stop(self) -> None:
        """End it; the next program gets a fresh one."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def close(self) -> None:
        self.stop()
        self._errors.close()

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._process = subprocess.Popen(
                [str(sdk_interpreter(self.version)), str(RUNNER)],
                env=clean_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
            )
        return self._process


@dataclass(frozen=True)
class Sdk:
    """The official SDK as one tenant of one server uses it."""

    runner: Runner
    url: str
    key: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, program: Callable[..., Any], *, timeout: float = 60, **arguments: Any) -> Any:
        """Run the function over there. It is given, by the names of its parameters: `service_client` (ended behind it),
        `tinker`, `kit` (harness/kit.py), and these arguments; it sees nothing else of its file. All values are JSON's.
        """
        lines, first = inspect.getsourcelines(program)
        return self.runner.run(
            {
                "source": textwrap.dedent("".join(lines)),
                "file": inspect.getsourcefile(program),
                "line": first,
                "name": program.__name__,
                "arguments": arguments,
                "timeout": timeout,
                "environment": {"TINKER_BASE_URL": self.url, "TINKER_API_KEY": self.key, **self.environment},
            }
        )

    def inject(self, effect: object, phase: str, **rule: Any) -> None:
        """A fault that strikes this tenant only."""
        given = {"effect": effect, "phase": phase, **rule}
        AdminClient(self.url).ask("POST", "/faults", {"rule": given, "api_key": self.key})

    def at(self, url: str) -> Sdk:
        """The same tenant at another address."""
        return replace(self, url=url)

    def as_tenant(self, key: str) -> Sdk:
        """Another tenant of the same server."""
        return replace(self, key=key)

    def knowing(self, **environment: str) -> Sdk:
        """With more environment variables; an empty TINKER_API_KEY counts as none."""
        return replace(self, environment={**self.environment, **environment})
