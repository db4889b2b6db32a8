"""Chooses the versions to run, and prints the outcomes as a table of feature and version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from client_tests.versions.features import FEATURES
from client_tests.versions.matrix import SURFACE, chosen

if TYPE_CHECKING:
    import pytest

CELL = "cell"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "cell(row, version): the cell of the table that this test decides")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the versions that were not asked for, and have reports say which cell they are about."""
    versions = chosen()
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        cell = item.get_closest_marker("cell")
        if cell is not None:
            item.user_properties.append((CELL, cell.args))
        (kept if cell is None or cell.args[1] in versions else left_out).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table, if this run decided any of its cells."""
    outcomes: dict[tuple[str, str], str] = {}
    for outcome, shown in (("passed", "ok"), ("failed", "FAILED"), ("error", "FAILED")):
        for report in terminalreporter.getreports(outcome):
            # Errors of collection are among them, and decide no cell.
            if cell := dict(getattr(report, "user_properties", ())).get(CELL):
                outcomes[tuple(cell)] = shown
    if outcomes:
        terminalreporter.write_line(_table(outcomes))


def _table(outcomes: dict[tuple[str, str], str]) -> str:
    versions = [version for version in chosen() if any(decided == version for _, decided in outcomes)]
    table = Table("", *versions, caption="-: not in that version, as the SDK itself says")
    for name, feature in FEATURES.items():
        rows = {version: name if feature.is_in(version) else SURFACE for version in versions}
        cells = [(outcomes.get((row, version), "not run"), row) for version, row in rows.items()]
        table.add_row(feature.does, *("-" if (outcome, row) == ("ok", SURFACE) else outcome for outcome, row in cells))
    console = Console(width=40 + 10 * len(versions), color_system=None)
    with console.capture() as captured:
        console.print(table)
    return captured.get()
