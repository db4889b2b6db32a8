"""`tinker-mock admin journal`: shown, exported, held to expectations, forgotten."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from mock_server.cli.admin.command import Server, WhoseOption, admin_command, given_value, group, table
from mock_server.cli.failure import FAILED, USAGE, fail

OperationOption = Annotated[
    str | None, typer.Option("--operation", help="Only of this operation (operationId of openapi.yaml).")
]
StatusOption = Annotated[str | None, typer.Option("--status", help="Only so answered: 503, 5xx, or nothing.")]
FaultOption = Annotated[str | None, typer.Option("--fault", help="Only struck by a fault of this name, or by `any`.")]
SinceOption = Annotated[int | None, typer.Option("--since", min=0, help="Only with a higher number.")]
LimitOption = Annotated[int | None, typer.Option("--limit", min=1, help="At most so many.")]

journal = group("journal", "What crossed the wire of late.")


@admin_command(journal, "show")
def show(
    server: Server,
    operation: OperationOption = None,
    status: StatusOption = None,
    fault: FaultOption = None,
    since: SinceOption = None,
    limit: LimitOption = None,
    bodies: Annotated[bool, typer.Option("--bodies", help="With the bodies; for --json.")] = False,
    key: WhoseOption = None,
) -> None:
    """Show exchanges, oldest first: the last 100, or the first 100 behind --since."""
    wanted = {"operation": operation, "status": status, "fault": fault, "since": since, "limit": limit}
    found = server.get("/journal", api_key=key, bodies="true" if bodies else None, **wanted)
    rows = [
        (each["number"], each["tenant"], each["time"], *_told(each), each["faults"], _checks(each))
        for each in found["exchanges"]
    ]
    head = ("#", "tenant", "time", "request", "answer", "seconds", "faults", "not kept")
    server.show(found, table(head, rows, "no such exchange"))


@admin_command(journal, "export")
def export(
    server: Server,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it: .har, or JSON lines.")],
    operation: OperationOption = None,
    status: StatusOption = None,
    fault: FaultOption = None,
    since: SinceOption = None,
    limit: LimitOption = None,
    key: WhoseOption = None,
) -> None:
    """Write exchanges to a file, bodies and all, but no key."""
    form: Literal["har", "jsonl"] = "har" if file.suffix == ".har" else "jsonl"
    query = {"operation": operation, "status": status, "fault": fault, "since": since, "limit": limit}
    content = server.raw("GET", "/journal/export", query={**query, "format": form, "api_key": key})
    try:
        file.write_bytes(content)
    except OSError as error:
        fail(f"can't write {file}: {error.strerror}.")
    server.show({"file": str(file), "format": form, "bytes": len(content)}, [f"wrote {file}: {len(content):,} bytes"])


@admin_command(journal, "clear")
def clear(server: Server, key: WhoseOption = None) -> None:
    """Forget exchanges, and number from 1 again."""
    server.show(server.ask("DELETE", "/journal", query={"api_key": key}), ["forgotten"])


@admin_command(journal, "verify")
def verify(
    server: Server,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="Expectations, YAML or JSON: a list of them."),
    ],
    in_order: Annotated[
        bool, typer.Option("--in-order", help="Each must have a match behind that of the one before it.")
    ] = False,
    exchanges: Annotated[
        Path | None,
        typer.Option("--exchanges", metavar="FILE", exists=True, help="Ask this export or recording, not the server."),
    ] = None,
    since: SinceOption = None,
    key: WhoseOption = None,
) -> None:
    """Hold the journal to expectations (docs/journal.md); exits with 1 where one is not met, and says what is near."""
    expectations = given_value(file.read_text("utf-8"), str(file))
    if not isinstance(expectations, list):
        fail(f"{file} holds no list of expectations.", USAGE)
    if exchanges is not None:
        found = _verified(exchanges, expectations, in_order=in_order)
    else:
        body = {"expectations": expectations, "in_order": in_order, "since": since, "api_key": key}
        found = server.ask("POST", "/journal/verify", body)
    server.show(found, found["text"].splitlines())
    if not found["met"]:
        raise typer.Exit(FAILED)


def _verified(file: Path, given: list[Any], *, in_order: bool) -> dict[str, Any]:
    """The same as the server answers, of a file."""
    from contracts.capture import CaptureError, read  # noqa: PLC0415 - takes longer than most commands
    from contracts.spec import operations  # noqa: PLC0415
    from mock_server.journal import (  # noqa: PLC0415
        InvalidExpectation,
        check_names,
        entry_of,
        expectations_of,
        verify,
    )

    try:
        expectations = expectations_of(given)
        check_names(expectations, frozenset(operations()))
        verification = verify([entry_of(each) for each in read(file)], expectations, in_order=in_order)
    except (InvalidExpectation, CaptureError, OSError, json.JSONDecodeError) as error:
        fail(error, USAGE)
    return {**verification.as_json(), "text": str(verification)}


def _told(exchange: dict[str, Any]) -> tuple[str, str, object]:
    request, response = exchange["request"], exchange["response"]
    answer = str(response["status"]) if response else "not yet" if exchange["in_flight"] else "nothing"
    asked = exchange["operation"] or f"{request['method']} {request['path']}"
    return asked, answer, exchange["seconds"]


def _checks(exchange: dict[str, Any]) -> list[str]:
    return [verdict["check"] for verdict in exchange["verdicts"]]
