"""A broken server of its own process, for as long as somebody asks it.

By hand: `python -m tests.mutants.serving NAME` prints its URL and serves until standard input closes.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import contextmanager
from functools import partial
from multiprocessing import forkserver, get_context
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mock_server.app import create_app
from mock_server.serving import serve
from mock_server.settings import Settings
from tests.mutants.catalogue import MUTANTS
from tests.mutants.surgery import Rewriting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerContext

    from fastapi import FastAPI

UNBROKEN: Final = "none"
"""The name of the server as it is."""
_ROOT: Final = Path(__file__).parents[2]
_START_SECONDS: Final = 60
_COVERAGE: Final = "COVERAGE_PROCESS_CONFIG"
"""What tells a process that coverage is to measure it."""


def broken_app(settings: Settings) -> FastAPI:
    app = create_app(settings)
    assert app.middleware_stack is not None
    app.middleware_stack = Rewriting(app.middleware_stack)
    return app


def _serve(name: str, announced: Connection | None, asker: int | None) -> None:
    if name != UNBROKEN:
        MUTANTS[name].install()
    settings = Settings(port=0, ephemeral=True, durability="process")
    if announced is not None:
        logging.disable()  # a broken server says a lot
    announce = partial(print, flush=True) if announced is None else announced.send
    serve(broken_app, settings, announce, until_stdin_closes=asker is None, until_process_ends=asker)


@contextmanager
def broken(name: str) -> Iterator[str]:
    """The URL of a server with this mutant installed.

    It is forked off a process that has imported everything and does nothing else, which costs a tenth of a start.
    """
    context = _forking()
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(name, there, os.getpid()), daemon=True)
    process.start()
    there.close()
    try:
        if not here.poll(_START_SECONDS):
            raise RuntimeError(f"the server {name} did not start within {_START_SECONDS} s")
        yield here.recv()
    finally:
        process.terminate()
        process.join(20)


def _forking() -> ForkServerContext:
    """With the fork server under way."""
    context = get_context("forkserver")
    # The fork server looks for modules where Python does, whatever our own path is.
    os.environ["PYTHONPATH"] = str(_ROOT)
    # The second is what a caller's main module imports, which each child would do again.
    context.set_forkserver_preload(["tests.mutants.serving", "tests.mutants.trial"])
    # Coverage would take broken servers half their time again, and to measure them says nothing of the server.
    measured = os.environ.pop(_COVERAGE, None)
    try:
        forkserver.ensure_running()
    finally:
        if measured is not None:
            os.environ[_COVERAGE] = measured
    return context


if __name__ == "__main__":
    _serve(sys.argv[1], None, None)
