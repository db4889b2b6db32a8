"""A server of one command's own, which lives as long as it does."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import typer

from mock_server.server_process import ServerNotStarted, start_server

if TYPE_CHECKING:
    from collections.abc import Iterator

_STOP_SECONDS: Final = 10


@contextmanager
def own_server(options: list[str]) -> Iterator[str]:
    """A server in a process of its own, with these options of `serve`; gives its URL, and stops it at the end."""
    # The command is on this machine, wherever other clients find the servers that they are told of.
    environ = {name: value for name, value in os.environ.items() if name != "TINKER_MOCK_PUBLIC_URL"}
    try:
        url, server = start_server(["--port", "0", "--until-stdin-closes", *options], environ, stdin=subprocess.PIPE)
    except ServerNotStarted as error:
        # It said why on standard error, which it shares with us.
        raise typer.Exit(error.code) from error
    assert server.stdin is not None  # it was asked for
    try:
        yield url
        if server.poll() is not None:
            typer.echo(f"error: the server stopped before the command did, with code {server.returncode}.", err=True)
    finally:
        server.stdin.close()
        try:
            server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
