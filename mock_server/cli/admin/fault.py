"""`tinker-mock admin fault`: activated, listed, lifted."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mock_server.cli.admin.command import Server, WhoseOption, admin_command, given_value, group, table
from mock_server.cli.failure import USAGE, fail

fault = group("fault", "What goes wrong on request.")


@admin_command(fault, "add")
def add(
    server: Server,
    effect: Annotated[
        str | None, typer.Argument(metavar="EFFECT", help="A name, or with parameters: {status: {status: 503}}.")
    ] = None,
    phase: Annotated[
        str | None, typer.Option("--phase", help="before_handler, after_commit, in_body, in_operation or in_state.")
    ] = None,
    operation: Annotated[
        list[str] | None, typer.Option("--operation", help="operationId of openapi.yaml; may be repeated.")
    ] = None,
    on: Annotated[
        list[int] | None, typer.Option("--on", min=1, help="The n-th matching call; may be repeated.")
    ] = None,
    rule: Annotated[
        str | None, typer.Option("--rule", help="The whole rule as YAML, or the rest of it: {run: $first, every: 2}.")
    ] = None,
    draw: Annotated[int | None, typer.Option("--seed", min=0, help="Of its draws.  [default: the server's]")] = None,
    key: WhoseOption = None,
) -> None:
    """Activate a fault, behind those that are active. Without --on it strikes every matching call."""
    whole = {} if rule is None else given_value(rule, "--rule")
    if not isinstance(whole, dict):
        fail(f"--rule {rule!r} is no object: give one such as {{every: 2}}.", USAGE)
    named: dict[str, Any] = {
        "effect": None if effect is None else given_value(effect, "EFFECT"),
        "phase": phase,
        "operation": operation,
        "on": on,
    }
    whole |= {name: value for name, value in named.items() if value}
    found = server.ask("POST", "/faults", {"rule": whole, "api_key": key, "seed": draw})
    server.show(found, [f"fault {found['id']} is active"])


@admin_command(fault, "list")
def list_faults(server: Server) -> None:
    """List the active faults and what they have struck."""
    found = server.get("/faults")
    rows = [
        (each["id"], each["tenant"] or "everybody", each["calls"], each["struck"], _shown(each["rule"]))
        for each in found["faults"]
    ]
    server.show(found, table(("fault", "tenant", "calls", "struck", "rule"), rows, "no fault is active"))


@admin_command(fault, "clear")
def clear(
    server: Server,
    number: Annotated[
        int | None, typer.Argument(metavar="FAULT", help="Its number; without it all are lifted.")
    ] = None,
    key: WhoseOption = None,
) -> None:
    """Lift one fault, a tenant's, or all."""
    if number is None:
        server.show(server.ask("DELETE", "/faults", query={"api_key": key}), ["lifted"])
    else:
        server.show(server.ask("DELETE", f"/faults/{number}"), [f"lifted fault {number}"])


def _shown(rule: dict[str, Any]) -> str:
    """A rule on one line, its effect and phase first."""
    rest = ", ".join(f"{name} {value}" for name, value in rule.items() if name not in {"effect", "phase"})
    return f"{rule['effect']} {rule['phase']}{f' ({rest})' if rest else ''}"
