"""`tinker-mock check`: what a server or a client of this API does right, and what wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mock_server.cli.check_server import server
from mock_server.cli.failure import FAILED, USAGE, fail

check = typer.Typer(
    help="Judge servers and clients by the contract.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@check.command()
def exchanges(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A HAR file (.har), or JSON lines.")],
) -> None:
    """Judge recorded exchanges, client and server; exit with 1 if a MUST was not kept."""
    from contracts.capture import CaptureError, read  # noqa: PLC0415 - only who judges needs it
    from contracts.observer import Observer  # noqa: PLC0415
    from contracts.observer.described import Described  # noqa: PLC0415
    from contracts.tally import Tally  # noqa: PLC0415

    observer, tally = Observer(Described()), Tally()
    try:
        for exchange in read(file):
            tally.add(observer.see(exchange))
    except (CaptureError, OSError) as error:
        fail(error, USAGE)
    if not tally.exchanges:
        fail(f"{file} holds no exchange", USAGE)
    for line in tally.lines():
        typer.echo(line)
    if tally.broken:
        raise typer.Exit(FAILED)


check.command()(server)
