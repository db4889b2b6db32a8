"""The SDK's own command, `tinker`, as a user runs it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from client_tests.harness.endings import ended_well
from client_tests.harness.environments import NEWEST, sdk_interpreter
from client_tests.harness.server import clean_environment

if TYPE_CHECKING:
    from collections.abc import Mapping


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
        return subprocess.run(
            [str(sdk_interpreter(self.version).with_name("tinker")), *arguments],
            env=clean_environment() | variables,
            cwd=self.home,
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

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
