"""What an idle server costs in memory; what commands and the start cost in time, `make bench` measures."""

from __future__ import annotations

import pytest

from tests.cli.server_process import serving


@pytest.fixture(autouse=True)
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coverage would be measured with what it measures."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    monkeypatch.delenv("COVERAGE_PROCESS_START", raising=False)


def test_an_idle_server_is_small() -> None:
    with serving("--ephemeral") as server:
        assert server.resident_megabytes() < 150
