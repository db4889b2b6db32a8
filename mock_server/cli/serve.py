"""`tinker-mock serve`: the server in the foreground."""

from __future__ import annotations

import gc
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mock_server.cli.client_environment import client_variables
from mock_server.cli.failure import USAGE, fail
from mock_server.domain.tenants import LOCAL_KEY

if TYPE_CHECKING:
    from collections.abc import MutableMapping

SeedOption = Annotated[int | None, typer.Option("--seed", help="Source of every random number and id.")]
ModelsOption = Annotated[Path | None, typer.Option("--models", help="Catalogue of the base models, YAML or JSON.")]
LogLevelOption = Annotated[str | None, typer.Option("--log-level", help="debug, info, warning or error.")]
LogFormatOption = Annotated[str | None, typer.Option("--log-format", help="text or json.")]
ConfigOption = Annotated[
    list[str] | None,
    typer.Option("--config", metavar="FLAG=VALUE", help="A flag told to clients by client/config; may be repeated."),
]


def serve(
    *,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.  [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port; 0 picks a free one.  [default: 8000]")] = None,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Where everything is kept.  [default: ./.tinker-mock]")
    ] = None,
    ephemeral: Annotated[
        bool, typer.Option("--ephemeral", help="Keep everything in a temporary directory, removed at the stop.")
    ] = False,
    seed: SeedOption = None,
    models_file: ModelsOption = None,
    log_level: LogLevelOption = None,
    log_format: LogFormatOption = None,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Allow a --host that other machines can reach.")
    ] = False,
    client_config: ConfigOption = None,
    scenario: Annotated[
        str | None, typer.Option("--scenario", metavar="ID", help="What every tenant plays who chooses nothing else.")
    ] = None,
    scenarios_dir: Annotated[
        Path | None, typer.Option("--scenarios", metavar="DIR", help="Scenario files of your own.")
    ] = None,
    observe: Annotated[bool, typer.Option("--observe", help="Log where exchanges do not keep the contract.")] = False,
    until_stdin_closes: Annotated[
        bool,
        typer.Option("--until-stdin-closes", help="Stop when standard input closes: with the program that holds it."),
    ] = False,
    until_process_ends: Annotated[
        int | None, typer.Option("--until-process-ends", metavar="PID", min=1, help="Stop when this process has ended.")
    ] = None,
) -> None:
    """Serve until Ctrl-C. Prints the lines to paste where clients run.

    Each option can be given as an environment variable, and there are more settings than options: docs/settings.md.
    """
    given = {
        "host": host,
        "port": port,
        "data_dir": data_dir,
        "ephemeral": ephemeral or None,
        "seed": seed,
        "models_file": models_file,
        "log_level": log_level,
        "log_format": log_format,
        "allow_remote": allow_remote or None,
        "client_config": ",".join(client_config) if client_config else None,
        "scenario": scenario,
        "scenarios_dir": scenarios_dir,
        "observe": observe or None,
    }
    # Imports make hundreds of thousands of objects and hardly any garbage; looking for it is a fifth of the start.
    gc.disable()
    from mock_server import logs  # noqa: PLC0415
    from mock_server.settings import InvalidSettingsError, load_settings  # noqa: PLC0415

    try:
        settings = load_settings({name: value for name, value in given.items() if value is not None}, os.environ)
    except InvalidSettingsError as error:
        fail(error, USAGE)
    logs.configure(settings.log_level, settings.log_format)

    one_thread_per_product(os.environ)
    from mock_server import serving  # noqa: PLC0415
    from mock_server.app import create_app  # noqa: PLC0415

    try:
        serving.serve(
            create_app,
            settings,
            announce,
            until_stdin_closes=until_stdin_closes,
            until_process_ends=until_process_ends,
        )
    except serving.ServeError as error:
        fail(error)


def one_thread_per_product(environment: MutableMapping[str, str]) -> None:
    """Have numpy's BLAS compute in the calling thread; to be called before numpy is imported.

    The toy model's matrices are small: helper threads would spin longer than they work (measured: 27 ms of processor
    time a training step in place of 6), and their number may change a sum's last bit.
    """
    for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        environment[variable] = "1"


def announce(url: str) -> None:
    """Print the lines to paste: the server first, for those who need no tokenizer, then what tokenizers need."""
    variables = client_variables(url, LOCAL_KEY, os.environ)
    assignments = [f"{name}={shlex.quote(value)}" for name, value in variables.items()]
    typer.echo("export " + " ".join(assignments[:2]))
    typer.echo("export " + " ".join(assignments[2:]))
    # What the start made stays for good: no collection while requests wait needs to look at it again.
    gc.freeze()
    gc.enable()
