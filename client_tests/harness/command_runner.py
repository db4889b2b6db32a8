"""Runs the SDK's command `tinker` within its own interpreter: one JSON line in, one JSON line out.

To import the SDK takes the command most of its time, so this does it once and forks for every call. What is imported
beforehand reads nothing of the environment. May import nothing but the standard library and the SDK.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, NoReturn

import tinker.cli.commands
from tinker.cli.__main__ import cli


def run(order: dict[str, Any]) -> NoReturn:
    """Be the command, in a process of its own: its arguments, environment, directory and streams are the order's."""
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["directory"])
    for number, stream in enumerate(("in", "out", "err")):
        file = os.open(order[stream], os.O_RDWR)
        os.dup2(file, number)
        os.close(file)
    sys.stdin = open(0)  # noqa: SIM115 - what was read ahead of the old one are other orders
    sys.argv = ["tinker", *order["arguments"]]
    sys.exit(cli())  # type: ignore[no-untyped-call]


def main() -> None:
    for module in iter_modules(tinker.cli.commands.__path__, "tinker.cli.commands."):
        import_module(module.name)
    for name in ("rich.console", "rich.table"):
        with suppress(ImportError):
            import_module(name)
    # The answers' own pipe, which no command inherits.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


if __name__ == "__main__":
    main()
