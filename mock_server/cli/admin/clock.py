"""`tinker-mock admin clock`: shown, set, moved on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mock_server.cli.admin.command import Server, WhoseOption, admin_command, group

if TYPE_CHECKING:
    from collections.abc import Iterator

clock = group("clock", "The time of a tenant, or of all who have no clock of their own.")


@admin_command(clock, "get")
def get(server: Server, key: WhoseOption = None) -> None:
    """Say what a clock shows."""
    found = server.get("/clock", api_key=key)
    server.show(found, _lines(found))


@admin_command(clock, "set")
def set_clock(
    server: Server,
    mode: Annotated[
        Literal["real", "manual", "auto"] | None, typer.Option("--mode", help="Of which kind it is to be.")
    ] = None,
    now: Annotated[
        str | None, typer.Option("--now", metavar="TIME", help="What it is to show: 2026-07-28T12:00:00Z.")
    ] = None,
    key: WhoseOption = None,
) -> None:
    """Give a clock another mode, or let it show a later time."""
    found = server.ask("PUT", "/clock", {"mode": mode, "now": now, "api_key": key})
    server.show(found, _lines(found))


@admin_command(clock, "advance")
def advance(
    server: Server,
    seconds: Annotated[float | None, typer.Argument(metavar="SECONDS", min=0, help="How far.")] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="To which time instead: 2026-07-28T12:00:00Z.")
    ] = None,
    key: WhoseOption = None,
) -> None:
    """Move a clock on; returns when all has happened that fell due."""
    found = server.ask("POST", "/clock/advance", {"seconds": seconds, "to": to, "api_key": key})
    server.show(found, _lines(found))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"{found['time']} ({found['mode']}), {found['waiting']} requests wait for it"
    if found["next_due"] is not None:
        yield f"next due in {found['next_due'] - found['now']:g} s"
