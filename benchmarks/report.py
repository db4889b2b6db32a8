"""The table for people and the file for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.table import Table

from benchmarks.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from benchmarks.series import Figure


def document(figures: Sequence[Figure], machine: Mapping[str, object], profile: str) -> dict[str, Any]:
    targets = [
        asdict(target) | {"reached": reached, "met": target.met(reached)}
        for target in TARGETS
        if (reached := target.reached(figures)) is not None
    ]
    return {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "profile": profile,
        "machine": dict(machine),
        "figures": [asdict(figure) for figure in figures],
        "targets": targets,
    }


def write(report: Mapping[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n")


def show(report: Mapping[str, Any], console: Console) -> None:
    libraries = report["machine"]["libraries"]
    console.print(
        f"{report['machine']['cores']} cores, {report['machine']['python']}, "
        + ", ".join(f"{name} {libraries[name]}" for name in ("tinker", "fastapi", "uvicorn", "numpy"))
        + f"; profile {report['profile']}; load average {report['machine']['load_before']} before the first measurement"
    )
    console.print(_figures(report["figures"]))
    console.print(_targets(report["targets"]))


def _figures(figures: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title="Measured", title_justify="left")
    for heading in ("what", "measure"):
        table.add_column(heading)
    for heading in ("value", "against", "ratio"):
        table.add_column(heading, justify="right")
    name = None
    for figure in figures:
        if figure["name"] != name:
            table.add_section()
        other = "" if figure["other"] is None else f"{_number(figure['other'])} ({figure['other_is']})"
        ratio = "" if figure["ratio"] is None else f"{figure['ratio']:.2f}"
        first = figure["name"] if figure["name"] != name else ""
        table.add_row(first, figure["measure"], _number(figure["value"]), other, ratio)
        name = figure["name"]
    return table


def _targets(targets: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title="Targets", title_justify="left")
    for heading in ("what", "measure", "bar"):
        table.add_column(heading)
    table.add_column("reached", justify="right")
    table.add_column("")
    for target in targets:
        bar = f"{target['of']} at {target['at']} {target['bar']:g}"
        verdict = "[green]met[/]" if target["met"] else "[red]missed[/]"
        table.add_row(target["name"], target["measure"], bar, _number(target["reached"]), verdict)
    return table


def _number(value: float) -> str:
    """Three digits that matter."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
