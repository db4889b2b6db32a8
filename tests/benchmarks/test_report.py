from __future__ import annotations

import json
import socket
from io import StringIO
from pathlib import Path

from rich.console import Console

from benchmarks import machine, reads, report
from benchmarks.series import Figure

FIGURES = [Figure(reads.ONE_RUN, "per second", 4_000.0, 10_000.0, 0.4), Figure("idle", "RSS MB", 120.0)]


def test_the_file_says_what_was_measured_where_and_which_targets_were_met(tmp_path: Path) -> None:
    path = tmp_path / "results" / "latest.json"
    report.write(report.document(FIGURES, machine.facts(), "short"), path)
    stored = json.loads(path.read_text())
    assert stored["figures"][0]["ratio"] == 0.4
    assert {target["name"]: target["met"] for target in stored["targets"]} == {reads.ONE_RUN: False, "idle": True}
    assert stored["machine"]["cores"] >= 1
    assert stored["machine"]["libraries"]["tinker"]


def test_the_file_does_not_say_whose_machine_it_was() -> None:
    text = json.dumps(machine.facts())
    assert socket.gethostname() not in text
    assert str(Path.home()) not in text


def test_the_table_shows_ratios_and_verdicts() -> None:
    console = Console(file=StringIO(), width=200)
    report.show(report.document(FIGURES, machine.facts(), "short"), console)
    assert isinstance(console.file, StringIO)
    shown = console.file.getvalue()
    assert "4,000" in shown
    assert "10,000 (bare)" in shown
    assert "0.40" in shown
    assert "missed" in shown
