"""`tinker-mock admin scenario`: begun for a tenant, watched, ended."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mock_server.cli.admin.command import (
    KeyOption,
    Server,
    WhoseOption,
    admin_command,
    given_value,
    group,
    table,
)
from mock_server.cli.failure import FAILED, USAGE, fail
from mock_server.domain.tenants import LOCAL_KEY

scenario = group("scenario", "Incidents that a running server plays for its tenants.")


@admin_command(scenario, "list")
def list_playing(
    server: Server,
    every: Annotated[bool, typer.Option("--all", help="All that can be chosen, instead of what is played.")] = False,
    key: WhoseOption = None,
) -> None:
    """List who plays what."""
    if every:
        found = server.get("/scenarios/catalogue")
        all_rows = [(each["id"], each["title"]) for each in found["scenarios"]]
        server.show(found, table(("scenario", "what happens"), all_rows, "none"))
        return
    found = server.get("/scenarios", api_key=key)
    rows = [
        (each["tenant"], each["scenario"], each["chosen_by"], sum(fault["struck"] for fault in each["faults"]))
        for each in found["scenarios"]
    ]
    server.show(found, table(("tenant", "scenario", "chosen by", "struck"), rows, "nobody plays a scenario"))


@admin_command(scenario, "begin")
def begin(
    server: Server,
    name: Annotated[str, typer.Argument(metavar="ID", help="Id of a scenario, or path of its file (.yaml).")],
    draw: Annotated[int | None, typer.Option("--seed", min=0, help="Of its draws.  [default: its own]")] = None,
    key: KeyOption = LOCAL_KEY,
) -> None:
    """Let a tenant play a scenario, from its beginning."""
    chosen: object = name
    if name.endswith((".yaml", ".yml")):
        try:
            chosen = given_value(Path(name).read_text("utf-8"), name)
        except OSError as error:
            fail(f"can't read {name}: {error.strerror}.", USAGE)
    found = server.ask("POST", "/scenarios", {"scenario": chosen, "api_key": key, "seed": draw})
    server.show(found, [f"{found['tenant']} plays {found['scenario']}"])


@admin_command(scenario, "verdict")
def verdict(server: Server, key: KeyOption = LOCAL_KEY) -> None:
    """Say whether the tenant's client does what a good client does, so far; exits with 1 where it does not."""
    found = server.get("/scenarios/verdict", api_key=key)
    lines = [
        f"{'kept' if point['kept'] else 'NOT KEPT'}, {point['of']}: {point['expected']}; seen: {point['seen']}"
        for point in found["points"]
    ]
    server.show(found, lines)
    if not found["kept"]:
        raise typer.Exit(FAILED)


@admin_command(scenario, "end")
def end(server: Server, key: KeyOption = LOCAL_KEY) -> None:
    """End what a tenant plays."""
    found = server.ask("DELETE", "/scenarios", query={"api_key": key})
    server.show(found, [f"{found['tenant']} plays {found['scenario']} no more"])
