"""A client's program whose end is judged: what it wrote, how it ended, and what it said of itself."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import suppress
from tempfile import NamedTemporaryFile
from threading import Thread
from typing import IO, TYPE_CHECKING, Any, Final

from mock_server.cli.program import started

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mock_server.cli.passing_on import PassingOn
    from mock_server.scenarios.verdict import Ending

OUTCOME_VARIABLE: Final = "TINKER_SCENARIO_OUTCOME"
"""Names a file to which the program may write lines of JSON: `{"outcome": "completes"}` or `{"outcome": "reports"}`,
with a `message` if it likes. The last one counts, before the exit status.
"""
_KEPT: Final = 1 << 20
"""Bytes of output that are kept to be searched, the last ones."""
_TERMINATION_SECONDS: Final = 5
_LAST_WORDS_SECONDS: Final = 5


def run_judged(
    command: list[str],
    environment: Mapping[str, str],
    seconds: float,
    passing: PassingOn,
    out: IO[bytes],
    err: IO[bytes],
) -> Ending:
    """Run the program for so many seconds at most. What it writes goes to `out` and `err` as it comes."""
    from mock_server.scenarios.verdict import Ending  # noqa: PLC0415 - brings the form of scenarios

    with NamedTemporaryFile("rb", prefix="scenario-outcome-", suffix=".jsonl") as said:
        # Else what it wrote before it hung would never be seen.
        more = {OUTCOME_VARIABLE: said.name, "PYTHONUNBUFFERED": "1"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with started(command, {**environment, **more}, **pipes) as program:
            passing.program = program
            kept = bytearray()
            copiers = [_Copier(program.stdout, out, kept), _Copier(program.stderr, err, kept)]
            code = _code(program, seconds)
            for copier in copiers:
                # A child of the program may hold the pipe open for longer than the program lives.
                copier.join(_LAST_WORDS_SECONDS)
        outcome, messages = _told(said.read())
    return Ending(code, "\n".join((kept.decode(errors="replace"), *messages)), outcome)


def _code(program: subprocess.Popen[bytes], seconds: float) -> int | None:
    try:
        return program.wait(seconds)
    except subprocess.TimeoutExpired:
        program.terminate()
    try:
        program.wait(_TERMINATION_SECONDS)
    except subprocess.TimeoutExpired:
        program.kill()
    return None


class _Copier(Thread):
    """Passes a pipe's bytes on and keeps the last ones of them."""

    def __init__(self, pipe: IO[bytes] | None, to: IO[bytes], kept: bytearray) -> None:
        super().__init__(daemon=True)
        assert pipe is not None
        self._pipe = pipe
        self._to = to
        self._kept = kept
        self.start()

    def run(self) -> None:
        # Not through the buffer, whose lock a read holds: nobody could close it while a stranger keeps the pipe open.
        with suppress(OSError):
            while chunk := os.read(self._pipe.fileno(), 1 << 16):
                self._to.write(chunk)
                self._to.flush()
                self._kept += chunk
                del self._kept[:-_KEPT]


def _told(content: bytes) -> tuple[str | None, list[str]]:
    """The last outcome that was written down, and all messages. A line that is no JSON object says nothing."""
    outcome, messages = None, []
    for line in content.splitlines():
        try:
            said: Any = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict):
            outcome = said.get("outcome") if said.get("outcome") in {"completes", "reports"} else outcome
            messages += [str(said["message"])] if "message" in said else []
    return outcome, messages
