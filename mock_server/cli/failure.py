"""How a command says that it can't: one line a fault on standard error, and an exit code."""

from __future__ import annotations

from typing import Final, NoReturn

import typer

FAILED: Final = 1
USAGE: Final = 2


def fail(message: object, code: int = FAILED) -> NoReturn:
    """End the command with the message, each of its lines as an error of its own."""
    for line in str(message).splitlines():
        typer.echo(f"error: {line}", err=True)
    raise typer.Exit(code)
