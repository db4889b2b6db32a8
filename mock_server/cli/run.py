"""`tinker-mock run -- COMMAND`: a server that lives as long as one command."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from mock_server.cli.client_environment import KeyOption, client_variables
from mock_server.cli.own_server import own_server
from mock_server.cli.passing_on import passing_signals_on
from mock_server.cli.program import started
from mock_server.cli.serve import ConfigOption, LogLevelOption, ModelsOption, SeedOption
from mock_server.domain.tenants import LOCAL_KEY


def run(
    *,
    command: Annotated[list[str], typer.Argument(metavar="COMMAND...", help="The program and its arguments.")],
    data_dir: Annotated[
        Path | None,
        typer.Option(
            "--data-dir",
            envvar="TINKER_MOCK_DATA_DIR",
            help="Where everything is kept.  [default: a temporary directory]",
        ),
    ] = None,
    seed: SeedOption = None,
    models_file: ModelsOption = None,
    client_config: ConfigOption = None,
    log_level: LogLevelOption = "warning",
    key: KeyOption = LOCAL_KEY,
) -> None:
    """Start a server, run COMMAND with the variables that send it there, stop the server; exit as COMMAND did."""
    options = ["--data-dir", str(data_dir)] if data_dir else ["--ephemeral"]
    for flag, value in (("--seed", seed), ("--models", models_file), ("--log-level", log_level)):
        options += [flag, str(value)] if value is not None else []
    for pair in client_config or []:
        options += ["--config", pair]
    with passing_signals_on() as passing, own_server(options) as url:
        variables = os.environ | client_variables(url, key, os.environ)
        with started(command, variables) as program:
            passing.program = program
            code = program.wait()
    raise typer.Exit(code if code >= 0 else 128 - code)
