"""`tinker-mock env`: the variables of a client, as lines to evaluate."""

from __future__ import annotations

import json
import os
import shlex
from typing import Annotated

import typer

from mock_server.cli.client_environment import KeyOption, client_variables
from mock_server.cli.where import PortOption, UrlOption, server_url
from mock_server.domain.tenants import LOCAL_KEY


def env(
    *,
    port: PortOption = 8000,
    url: UrlOption = None,
    key: KeyOption = LOCAL_KEY,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    fish: Annotated[bool, typer.Option("--fish", help="Print lines for the fish shell.")] = False,
) -> None:
    """Print the environment variables that send a client to the server: eval "$(tinker-mock env)"."""
    variables = client_variables(server_url(port, url), key, os.environ)
    if as_json:
        typer.echo(json.dumps(variables, indent=2))
        return
    line = "set -gx {} {}" if fish else "export {}={}"
    for name, value in variables.items():
        typer.echo(line.format(name, shlex.quote(value)))
