"""`tinker-mock admin snapshot`: saved, restored, listed, deleted."""

from __future__ import annotations

from typing import Annotated

import typer

from mock_server.cli.admin.command import KeyOption, Server, admin_command, group, table
from mock_server.domain.tenants import LOCAL_KEY

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits and _.-")]

snapshot = group("snapshot", "All that a tenant has, kept and brought back.")


@admin_command(snapshot, "save")
def save(
    server: Server,
    name: NameArgument,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace one of that name.")] = False,
    key: KeyOption = LOCAL_KEY,
) -> None:
    """Keep all that a tenant has at this moment."""
    found = server.ask("POST", "/snapshots", {"api_key": key, "name": name, "overwrite": overwrite})
    server.show(found, [f"saved {name}: {found['rows']} rows, {found['artifacts']} files"])


@admin_command(snapshot, "restore")
def restore(server: Server, name: NameArgument, key: KeyOption = LOCAL_KEY) -> None:
    """Exchange all that a tenant has for what it had then."""
    found = server.ask("POST", f"/snapshots/{name}/restore", {"api_key": key})
    server.show(found, [f"restored {name}: {found['rows']} rows, {found['artifacts']} files"])


@admin_command(snapshot, "list")
def list_snapshots(server: Server, key: KeyOption = LOCAL_KEY) -> None:
    """List a tenant's snapshots."""
    found = server.get("/snapshots", api_key=key)
    names = ("name", "created_at", "written_by", "rows", "artifacts")
    lines = table(
        ("name", "saved", "by version", "rows", "files"),
        [[each[name] for name in names] for each in found["snapshots"]],
        "no snapshot",
    )
    server.show(found, [*lines, *(f"{each['name']} {each['problem']}" for each in found["unusable"])])


@admin_command(snapshot, "delete")
def delete(server: Server, name: NameArgument, key: KeyOption = LOCAL_KEY) -> None:
    """Delete a snapshot."""
    server.show(server.ask("DELETE", f"/snapshots/{name}", query={"api_key": key}), [f"deleted {name}"])
