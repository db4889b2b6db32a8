"""Runs client programs within the SDK's own interpreter: one JSON line in, one JSON line out.

Importing the SDK takes seconds, so a runner lives as long as the tests. It may import nothing but the standard library,
the SDK, and what stands beside it, since an old SDK's environment has nothing else.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import traceback
from inspect import signature
from pathlib import Path
from typing import Any

# Only our own folder: the project's other modules belong to another environment.
sys.path.insert(0, str(Path(__file__).parent))

import kit  # type: ignore[import-not-found]  # it is this folder's, by its bare name
import tinker


def run(order: dict[str, Any]) -> object:
    """Define the program from its source, call it with what its parameters name, return what it returns."""
    for name in [name for name in os.environ if name.startswith("TINKER_")]:
        del os.environ[name]
    os.environ.update(order["environment"])
    scope: dict[str, Any] = {"__name__": "client_program"}
    # Blank lines before it, so that a traceback shows the lines of the test file.
    source = "from __future__ import annotations" + "\n" * (order["line"] - 1) + order["source"]
    exec(compile(source, order["file"], "exec"), scope)
    program = scope[order["name"]]
    wanted = signature(program).parameters
    given: dict[str, Any] = {"tinker": tinker, "kit": kit, **order["arguments"]}
    service_client = None
    if "service_client" in wanted:
        given["service_client"] = service_client = tinker.ServiceClient()
    try:
        return program(**{name: given[name] for name in wanted if name in given})
    finally:
        kit.close(service_client)


def main() -> None:
    # The SDK or a program may print; answers go where nothing else is written.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        order = json.loads(line)
        # A program that hangs says where, and takes the runner with it: its threads can't be ended otherwise.
        faulthandler.dump_traceback_later(order["timeout"], exit=True)
        try:
            answer = {"value": run(order)}
            text = json.dumps(answer)
        except BaseException:  # noqa: BLE001 - the test that sent the program shows it
            text = json.dumps({"failure": traceback.format_exc()})
        faulthandler.cancel_dump_traceback_later()
        print(text, file=answers, flush=True)


if __name__ == "__main__":
    main()
