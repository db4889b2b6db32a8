"""How a command that takes minutes shows where it is: one line that changes on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Progress:
    """told: a line that stays. doing: what goes on, to be forgotten at the next word."""

    told: Callable[[str], None]
    doing: Callable[[str], None]


@contextmanager
def progress() -> Iterator[Progress]:
    """On standard error, so that what a command found can be piped."""
    if not sys.stderr.isatty():
        yield Progress(lambda line: typer.echo(line, err=True), lambda _: None)
        return
    from rich.console import Console  # noqa: PLC0415 - takes longer to import than short commands take
    from rich.markup import escape  # noqa: PLC0415

    console = Console(stderr=True, highlight=False)
    with console.status("starting ...") as status:

        def told(line: str) -> None:
            console.print(line, markup=False)
            status.update(escape(line))

        yield Progress(told, lambda text: status.update(escape(text)))
