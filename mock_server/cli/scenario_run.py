"""`tinker-mock scenario run`: an incident happens to a client, and the client is judged by what it does about it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mock_server.cli.client_environment import KeyOption, client_variables
from mock_server.cli.failure import FAILED, USAGE, fail
from mock_server.cli.judged_program import run_judged
from mock_server.cli.own_server import own_server
from mock_server.cli.passing_on import passing_signals_on
from mock_server.cli.scenario import FolderOption, JsonOption, NameArgument, options_of_play, scenario_called
from mock_server.cli.scenario_replay import PLAYED
from mock_server.cli.serve import SeedOption
from mock_server.domain.tenants import LOCAL_KEY, tenant_of


def run_scenario(
    *,
    name: NameArgument,
    command: Annotated[
        list[str], typer.Argument(metavar="COMMAND...", help="Behind `--`: the client and its arguments.")
    ],
    folder: FolderOption = None,
    key: KeyOption = LOCAL_KEY,
    seed: SeedOption = None,
    time_limit: Annotated[
        float, typer.Option("--time-limit", min=1, metavar="SECONDS", help="Stop the client after so long.")
    ] = 600,
    keep_journal: Annotated[
        Path | None,
        typer.Option(
            "--keep-journal",
            metavar="FILE",
            dir_okay=False,
            help="Write what crossed the wire, as JSON lines for scenario replay.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Start a server, let COMMAND meet the scenario there, and print the verdict with its evidence.

    Exits with 0 if the client did what a good client does, with 1 if not. The client may say how it ended by lines of
    JSON in the file that TINKER_SCENARIO_OUTCOME names: {"outcome": "completes"} or {"outcome": "reports"}.
    """
    played = scenario_called(name, folder)
    seed = played.seed if seed is None else seed
    if keep_journal is not None and not keep_journal.absolute().parent.is_dir():
        fail(f"there is no directory for {keep_journal}: make it, or give another FILE.", USAGE)
    from mock_server.admin_client import AdminClient, AdminError  # noqa: PLC0415 - only who speaks with a server
    from mock_server.scenarios.verdict import Verdict, judge_client  # noqa: PLC0415 - brings the form of scenarios

    with passing_signals_on() as passing, own_server(options_of_play(seed)) as url:
        admin = AdminClient(url)
        variables = os.environ | client_variables(url, key, os.environ)
        try:
            document = json.loads(played.model_dump_json(exclude_unset=True))
            admin.ask("POST", "/scenarios", {"scenario": document, "api_key": key, "seed": seed})
            # Standard output is the verdict's where a program reads it.
            out = sys.stderr.buffer if as_json else sys.stdout.buffer
            ending = run_judged(command, variables, time_limit, passing, out, sys.stderr.buffer)
            verdict = Verdict.of_json(admin.get("/scenarios/verdict", api_key=key))
            if keep_journal is not None:
                lines = admin.raw("GET", "/journal/export", query={"api_key": key})
                mine = [each for each in admin.get("/tenants")["tenants"] if each["tenant"] == tenant_of(key)]
                served = [repository for each in mine for repository in each["tokenizers"]]
                again = {"scenario": document, "seed": seed, "tokenizers": served}
                _keep(lines, keep_journal, again)
        except AdminError as error:
            fail(error)
        except OSError as error:
            fail(f"can't write {keep_journal}: {error.strerror}.")
    verdict = verdict.with_point(judge_client(played.expect.client, ending))
    if as_json:
        typer.echo(json.dumps(verdict.as_json(), indent=1))
    else:
        for line in verdict.lines():
            typer.echo(line)
    if not verdict.kept:
        raise typer.Exit(FAILED)


def _keep(journal: bytes, path: Path, played: dict[str, Any]) -> None:
    """Write JSON lines, the first of which says what was played, so that it can be played again."""
    first, end, rest = journal.partition(b"\n")
    if first:
        exchange = json.loads(first)
        exchange["notes"][PLAYED] = played
        first = json.dumps(exchange).encode()
    path.write_bytes(first + end + rest)
