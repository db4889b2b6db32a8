"""`tinker-mock admin health|tenants|runs|reset|seed|corrupt|dial|release`: the server, and what tenants have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

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
from mock_server.domain.tenants import LOCAL_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator


admin = group("admin", "The control plane of a running server.")


@admin_command(admin, "health")
def health(server: Server) -> None:
    """Say how the server is; fail where it does not answer."""
    found = server.get("/health")
    journal = found["journal"]
    rows = [
        ("version", found["version"]),
        ("seed", found["seed"]),
        ("observed", found["observed"]),
        ("journal", "none" if journal is None else f"{journal['exchanges']} exchanges, {journal['bytes']:,} bytes"),
        ("faults", found["faults"]),
        ("operations", found["operations"]),
    ]
    server.show(found, table(("status", found["status"]), rows, ""))


@admin_command(admin, "tenants")
def tenants(server: Server) -> None:
    """List the tenants that have something."""
    found = server.get("/tenants")
    names = ("tenant", "sessions", "training_runs", "checkpoints", "created_at", "key_deleted")
    rows = [[each[name] for name in names] for each in found["tenants"]]
    server.show(found, table(("tenant", "sessions", "runs", "checkpoints", "since", "key deleted"), rows, "none"))


@admin_command(admin, "runs")
def runs(
    server: Server,
    run: Annotated[str | None, typer.Argument(metavar="RUN", help="One of them, with its checkpoints.")] = None,
    key: WhoseOption = None,
) -> None:
    """List training runs as the server's state has them."""
    found = server.get("/runs", api_key=key) if run is None else server.get(f"/runs/{run}")
    shown = found["runs"] if run is None else [found]
    names = ("id", "tenant", "base_model", "status", "corrupted", "optimizer_steps", "last_seq_id", "operations")
    rows = [[*(each[name] for name in names), len(each["checkpoints"])] for each in shown]
    head = ("run", "tenant", "model", "status", "corrupted", "steps", "last seq_id", "operations", "checkpoints")
    lines = table(head, rows, "no training run")
    if run is not None:
        lines += [each["path"] for each in found["checkpoints"]]
    server.show(found, lines)


@admin_command(admin, "reset")
def reset(
    server: Server,
    to: Annotated[
        Literal["seed", "empty", "snapshot"], typer.Option("--to", help="What the tenant is to have.")
    ] = "seed",
    seed: Annotated[
        str | None, typer.Option("--seed", help="Name of seed data.  [default: those that it was last given]")
    ] = None,
    snapshot: Annotated[str | None, typer.Option("--snapshot", help="Name of a snapshot to go back to.")] = None,
    key: KeyOption = LOCAL_KEY,
) -> None:
    """Let a tenant begin anew: what it has goes, and so do its faults, dials, journal and clock."""
    body = {"api_key": key, "to": "snapshot" if snapshot else to, "seed": seed, "snapshot": snapshot}
    found = server.ask("POST", "/reset", body)
    server.show(found, _made(found))


@admin_command(admin, "seed")
def seed(
    server: Server,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Which; without it all are listed.")] = None,
    key: KeyOption = LOCAL_KEY,
) -> None:
    """Give a tenant seed data, beside what it has; without a name, list what there is."""
    if name is None:
        listed = server.get("/seeds")
        rows = [(each["name"], each["description"]) for each in listed["seeds"]]
        server.show(listed, table(("name", "what it makes"), rows, "none"))
        return
    found = server.ask("POST", "/seeds", {"api_key": key, "seed": name})
    server.show(found, _made(found))


@admin_command(admin, "corrupt")
def corrupt(
    server: Server,
    effect: Annotated[str, typer.Argument(help="What goes wrong: {flip_bit: {checkpoint: $last}}, or a name.")],
    draw: Annotated[int, typer.Option("--seed", min=0, help="Of what it draws.")] = 0,
    key: KeyOption = LOCAL_KEY,
) -> None:
    """Corrupt something that a tenant has stored, at once."""
    body = {"effect": given_value(effect, "EFFECT"), "api_key": key, "seed": draw}
    found = server.ask("POST", "/corruptions", body)
    server.show(found, [f"{found['effect']}: done"])


@admin_command(admin, "dial")
def dial(
    server: Server,
    kind: Annotated[str | None, typer.Argument(metavar="KIND", help="Kind of operation.")] = None,
    setting: Annotated[
        str | None,
        typer.Argument(metavar="DIAL", help="immediate, after:<seconds>, polls:<n>, manual or never."),
    ] = None,
    back: Annotated[
        bool, typer.Option("--reset", help="Turn them back: a tenant's to everybody's, everybody's to the start's.")
    ] = False,
    key: WhoseOption = None,
) -> None:
    """Show when results may be seen, or turn the dial of a kind of operation."""
    if back:
        found = server.ask("DELETE", "/dials", query={"api_key": key})
    elif kind is not None and setting is not None:
        found = server.ask("PUT", f"/dials/{kind}", {"dial": setting, "api_key": key})
    else:
        found = server.get("/dials", api_key=key)
    rows = [(name, text) for name, text in found["dials"].items() if kind in {None, name}]
    server.show(found, table(("kind", "dial"), rows, f"no kind of operation is called {kind}"))


@admin_command(admin, "release")
def release(server: Server, request_id: Annotated[str, typer.Argument(help="As the submission returned it.")]) -> None:
    """Tell the result of a finished operation that a `manual` or `never` dial holds back."""
    server.show(server.ask("POST", f"/operations/{request_id}/release"), ["released"])


def _made(found: dict[str, list[Any]]) -> Iterator[str]:
    """What seed data made."""
    lines = [f"{noun.removesuffix('s')}  {name}" for noun, names in found.items() for name in names]
    yield from lines or ["the tenant has nothing now"]
