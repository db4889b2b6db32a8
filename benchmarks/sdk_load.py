"""The official SDK as a load: one client process per server, told what to do over its standard input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

    from benchmarks.processes import Server


class SdkClient:
    """A process that has the SDK's ServiceClient open on one server; it starts with its first command."""

    def __init__(self, server: Server, key: str) -> None:
        self._server = server
        self._key = key

    @cached_property
    def _process(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "benchmarks.sdk_client"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"TINKER_BASE_URL": self._server.base_url, "TINKER_API_KEY": self._key},
        )

    def run(self, do: str, **arguments: float) -> dict[str, float]:
        """Let the program do one of its commands. CPU is in ms per step, save or sample."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        cpu = self._server.cpu_s()
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(
                f"the SDK client of the {self._server.name} server ended during {do}; its traceback is above. "
                f"The server said:\n{self._server.log()[-2000:]}"
            )
        result = json.loads(line)
        count = result["count"]
        return {
            "per second": count / result["elapsed_s"],
            "p50 ms": result["p50_ms"],
            "p99 ms": result["p99_ms"],
            "server CPU ms": (self._server.cpu_s() - cpu) / count * 1e3,
            "client CPU ms": result["client_cpu_s"] / count * 1e3,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if "_process" not in self.__dict__:
            return
        with self._process as process:  # the end of its commands ends the program; leaving waits for it
            assert process.stdin is not None
            process.stdin.close()
