"""A player of scenarios."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from client_tests.harness.environments import NEWEST
from client_tests.scenarios.playing import Player

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_tests.harness.sdk import Runner
    from client_tests.harness.server import Server


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "scenario(id): the scenario that a client meets in the test")


@pytest.fixture
def play(server_with: Callable[..., Server], runner_of: Callable[[str], Runner]) -> Player:
    """With the newest SDK, at a server whose polls are short: a client that waits for ever is given up sooner."""
    return Player(server_with(poll_seconds=1).url, runner_of(NEWEST))
