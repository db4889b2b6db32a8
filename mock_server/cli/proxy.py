"""`tinker-mock proxy`: stands in front of any server, records what crosses, and judges it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from mock_server.cli.failure import FAILED, USAGE, fail


def proxy(
    *,
    upstream: Annotated[str, typer.Option("--upstream", metavar="URL", help="The server that is meant.")],
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 picks a free one.")] = 0,
    record: Annotated[
        Path | None, typer.Option("--record", metavar="FILE", help="Write the exchanges here: .har, or .jsonl.")
    ] = None,
) -> None:
    """Pass everything on to a server until Ctrl-C, then say what it and its clients did wrong.

    Keys are not recorded. Exits with 1 if a MUST was not kept.
    """
    try:
        from contracts import proxy as proxies  # noqa: PLC0415 - only here, and heavy
    except ModuleNotFoundError as error:
        fail(f"the proxy needs {error.name}: install tinker-mock[contract]")

    def announce(url: str) -> None:
        typer.echo(f"export TINKER_BASE_URL={shlex.quote(url)}")

    def failed(text: str) -> None:
        typer.echo(text, err=True)

    try:
        tally = proxies.serve(upstream, port=port, record=record, announce=announce, failed=failed)
    except proxies.ProxyError as error:
        fail(error, USAGE)
    for line in tally.lines():
        typer.echo(line)
    if tally.broken:
        raise typer.Exit(FAILED)
