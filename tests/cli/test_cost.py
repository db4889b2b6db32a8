"""What the commands cost a user: time and memory.

Time is processor time, the best of a few tries: other tests run beside these, and seconds on the wall would be theirs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.cli.server_process import TINKER_MOCK, clean_environment, serving

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coverage would be measured with what it measures."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    monkeypatch.delenv("COVERAGE_PROCESS_START", raising=False)


def best(cost: Callable[[], float], *, enough: float, tries: int = 5) -> float:
    """The least of several costs; no further try once it is low enough."""
    least = float("inf")
    for _ in range(tries):
        least = min(least, cost())
        if least < enough:
            break
    return least


def cost_of_python(*arguments: str) -> float:
    """Processor seconds of one run of Python, from its start to its end."""
    before = os.times()
    subprocess.run([sys.executable, *arguments], env=clean_environment(), capture_output=True, check=False)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def cost_of_start() -> float:
    """Processor seconds of a server from its start until it answers."""
    with serving("--ephemeral") as server:
        times = psutil.Process(server.process.pid).cpu_times()
        return float(times.user + times.system)


@pytest.mark.parametrize("command", ["--help", "--version", "version", "env", "serve --help", "healthcheck --port 1"])
def test_a_command_that_needs_no_server_answers_at_once(command: str) -> None:
    assert best(lambda: cost_of_python(*TINKER_MOCK[1:], *command.split()), enough=0.3) < 0.3


def test_the_server_is_up_half_a_second_after_its_bare_imports() -> None:
    bare = best(lambda: cost_of_python("-c", "import fastapi, uvicorn, sqlmodel, numpy"), enough=0)
    assert best(cost_of_start, enough=bare + 0.5) < bare + 0.5


def test_an_idle_server_is_small() -> None:
    with serving("--ephemeral") as server:
        assert server.resident_megabytes() < 150
