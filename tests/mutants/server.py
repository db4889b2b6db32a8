"""A broken server in a process of its own: `python -m tests.mutants.server NAME`. It prints its URL and serves."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mock_server.app import create_app
from mock_server.serving import serve
from mock_server.settings import Settings
from tests.mutants import catalogue
from tests.mutants.surgery import MUTANTS, Rewriting

if TYPE_CHECKING:
    from fastapi import FastAPI

assert catalogue.MODULES  # importing them registered their mutants


def mutated_app(settings: Settings) -> FastAPI:
    app = create_app(settings)
    assert app.middleware_stack is not None
    app.middleware_stack = Rewriting(app.middleware_stack)
    return app


def main(name: str) -> None:
    """Serve until standard input closes; `none` is the server as it is."""
    if name != "none":
        MUTANTS[name].install()
    settings = Settings(port=0, ephemeral=True, durability="process")
    serve(mutated_app, settings, lambda url: print(url, flush=True), until_stdin_closes=True)


if __name__ == "__main__":
    main(sys.argv[1])
