"""What the commands cost: seconds and megabytes that a user notices. Best of several runs, since the machine is shared."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.cli.server_process import TINKER_MOCK, clean_environment, serving

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coverage would be measured with what it measures."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    monkeypatch.delenv("COVERAGE_PROCESS_START", raising=False)


def best_seconds(action: Callable[[], object], *, enough: float, tries: int = 5) -> float:
    """The least time that the action took; no further try once it took little enough."""
    best = float("inf")
    for _ in range(tries):
        began = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - began)
        if best < enough:
            break
    return best


def python(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], env=clean_environment(), capture_output=True, check=False)


@pytest.mark.parametrize("command", ["--help", "--version", "version", "env", "serve --help", "healthcheck --port 1"])
def test_a_command_that_needs_no_server_answers_at_once(command: str) -> None:
    assert best_seconds(lambda: python(*TINKER_MOCK[1:], *command.split()), enough=0.3) < 0.3


def test_the_server_is_up_half_a_second_after_its_bare_imports() -> None:
    bare = best_seconds(lambda: python("-c", "import fastapi, uvicorn, sqlmodel, numpy"), enough=0)

    def start() -> None:
        with serving("--ephemeral"):
            pass

    assert best_seconds(start, enough=bare + 0.5) < bare + 0.5


def test_an_idle_server_is_small() -> None:
    with serving("--ephemeral") as server:
        assert server.resident_megabytes() < 150
