"""The command `tinker-mock`: one module a command, each importing what it needs when it runs.

`--help`, `env` and `healthcheck` run in shells, prompts and health checks every few seconds, so nothing here may import
the server, which takes longer than they do.
"""

from __future__ import annotations

from typing import Annotated

import typer

from mock_server import __version__
from mock_server.cli.admin import admin
from mock_server.cli.check import check
from mock_server.cli.env import env
from mock_server.cli.healthcheck import healthcheck
from mock_server.cli.proxy import proxy
from mock_server.cli.run import run
from mock_server.cli.scenario import scenario
from mock_server.cli.scenario_replay import replay_scenario
from mock_server.cli.scenario_run import run_scenario
from mock_server.cli.serve import serve

app = typer.Typer(
    name="tinker-mock",
    help="A local Tinker server: train, save, restore and sample offline.",
    no_args_is_help=True,
    add_completion=False,
    # rich would take longer to import than everything else here together.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version() -> None:
    typer.echo(f"tinker-mock {__version__}")


def _version_option(*, wanted: bool) -> None:
    if wanted:
        _print_version()
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version_option, is_eager=True)
    ] = False,
) -> None:
    del version


app.command()(serve)
# Options end where the COMMAND begins, so that its own need no `--` before them.
app.command(context_settings={"allow_interspersed_args": False})(run)
app.command()(env)
app.command()(healthcheck)
app.command()(proxy)
app.add_typer(check, name="check")
app.add_typer(admin, name="admin")
scenario.command("run")(run_scenario)
scenario.command("replay")(replay_scenario)
app.add_typer(scenario, name="scenario")
app.command("version", help="Print the version.")(_print_version)


def main() -> None:
    """Run the command line; the entry point of the distribution."""
    app(prog_name="tinker-mock")
