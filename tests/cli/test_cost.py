"""What an idle server costs in memory; what commands and the start cost in time, `make bench` measures."""

from __future__ import annotations

from tests.cli.server_process import UNMEASURED, serving


def test_an_idle_server_is_small() -> None:
    with serving("--ephemeral", environment=UNMEASURED) as server:
        assert server.resident_megabytes() < 150
