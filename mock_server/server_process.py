"""A server in a process of its own: for our commands, and for tests."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ServerNotStarted(Exception):
    """It ended before it answered, with this exit code; it has said why on its standard error."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the server ended with code {code} before it answered")
        self.code = code


def start_server(
    options: Sequence[str], environ: Mapping[str, str], *, stdin: int, stderr: IO[str] | None = None
) -> tuple[str, subprocess.Popen[str]]:
    """Start one with these options of `serve`; returns its URL, as soon as it answers there, and its process.

    environ: what it is told of the environment. stdin: as subprocess takes it. stderr: ours, where none is given.
    Raises ServerNotStarted.
    """
    # -P keeps the user's working directory off the import path: a numpy.py there must not become the server's numpy.
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-P", "-m", "mock_server", "serve", *options],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env=_importing_ours(environ),
        # A session of its own: Ctrl-C is for the program, which may want to save before the server goes.
        start_new_session=True,
        text=True,
    )
    assert process.stdout is not None  # it was asked for
    with process.stdout:
        # It says two lines: who stopped listening after the first would break the pipe under it.
        announced, _ = process.stdout.readline(), process.stdout.readline()
    if not announced:
        raise ServerNotStarted(process.wait())
    return shlex.split(announced)[1].partition("=")[2], process


def _importing_ours(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment, in which the server can import what this process imported."""
    paths = [str(Path(__file__).parents[1]), environ.get("PYTHONPATH")]
    return {**environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
