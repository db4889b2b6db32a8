"""A server of one command's own, which lives as long as it does."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

_STOP_SECONDS: Final = 10


@contextmanager
def own_server(options: list[str]) -> Iterator[str]:
    """A server in a process of its own, with these options of `serve`; gives its URL, and stops it at the end."""
    # -P keeps the user's working directory off the import path: a numpy.py there must not become the server's numpy.
    start = [sys.executable, "-P", "-m", "mock_server", "serve", "--port", "0", "--until-stdin-closes", *options]
    # A session of its own: Ctrl-C is for the command, which may want to save before the server goes.
    with subprocess.Popen(  # noqa: S603  (our own command)
        start,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=_server_environment(),
        start_new_session=True,
        text=True,
    ) as server:
        if server.stdin is None or server.stdout is None:
            raise AssertionError("Popen was asked for both pipes")
        try:
            announced = server.stdout.readline()
            if not announced:
                # It said why on standard error, which it shares with us.
                raise typer.Exit(server.wait())
            yield shlex.split(announced)[1].partition("=")[2]
            if server.poll() is not None:
                typer.echo(
                    f"error: the server stopped before the command did, with code {server.returncode}.", err=True
                )
        finally:
            server.stdin.close()
            try:
                server.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()


def _server_environment() -> dict[str, str]:
    """Our environment, in which the server can import what this process imported."""
    # The command is on this machine, wherever other clients find the servers that they are told of.
    environ = {name: value for name, value in os.environ.items() if name != "TINKER_MOCK_PUBLIC_URL"}
    paths = [str(Path(__file__).parents[2]), environ.get("PYTHONPATH")]
    return environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
