"""The README's program prints what the README says, with the SDK's defaults and the README's own commands."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from client_tests.harness.endings import ended_well
from tests.cli.server_process import ROOT, TINKER_MOCK, clean_environment, serving, tinker_mock

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM: Final = (sys.executable, str(ROOT / "examples" / "memorise.py"))
NUMBER: Final = re.compile(r"\d+\.\d+")


def promised() -> str:
    """The output that the README shows."""
    shown = re.search(
        r"^What it prints:\n\n```text\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    assert shown is not None
    return shown[1]


def assert_as_promised(printed: str) -> None:
    assert NUMBER.sub("#", printed) == NUMBER.sub("#", promised())
    # Another machine's floating point may round the last digit the other way.
    expected = [float(number) for number in NUMBER.findall(promised())]
    assert [float(number) for number in NUMBER.findall(printed)] == pytest.approx(expected, abs=0.003)


def test_run_gives_the_program_all_that_it_needs(tmp_path: Path) -> None:
    # A cache of its own, so that the tokenizer is asked for as on a new machine.
    done = tinker_mock("run", "--", *PROGRAM, environment={"XDG_CACHE_HOME": str(tmp_path)})
    assert ended_well(done.returncode), done.stderr
    assert_as_promised(done.stdout)


def test_a_scenario_happens_to_the_program_and_harms_it_not(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    scenario = ("scenario", "run", "lost-response-doubles-step", "--keep-journal", str(journal), "--")
    done = tinker_mock(*scenario, *PROGRAM, environment={"XDG_CACHE_HOME": str(tmp_path)})
    printed, _, verdict = done.stdout.rpartition("sea.\n")
    assert_as_promised(f"{printed}sea.\n")
    failed = [line for line in verdict.splitlines() if line.startswith("FAIL")]
    if done.returncode == 0:
        assert verdict.splitlines()[-1] == "lost-response-doubles-step: all 4 points kept; faults struck: 1"
        assert not failed
    else:  # the SDK sometimes aborts behind the program's last line (harness/endings.py)
        assert re.search(r"it ended with exit status (-6|134)", verdict), done.stdout
        assert failed == ["FAIL client: completes"]
    # All that the SDK sent, several requests at once among them, is answered alike by another server of that seed.
    again = tinker_mock("scenario", "replay", str(journal))
    assert again.stdout.endswith("exchanges: all answers are as recorded\n"), again.stdout
    assert again.returncode == 0


def test_serve_and_env_do_too(tmp_path: Path) -> None:
    with serving(cwd=tmp_path) as server:
        script = f'eval "$({" ".join(TINKER_MOCK)} env --port {server.port})" && {" ".join(PROGRAM)}'
        done = subprocess.run(
            ["bash", "-c", script],
            env=clean_environment({"XDG_CACHE_HOME": str(tmp_path / "cache")}),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended_well(done.returncode), done.stderr
        assert_as_promised(done.stdout)
        assert server.stop() == 0
