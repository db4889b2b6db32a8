"""What docs/check-server.md shows to others works: the job's commands, the file for pytest, the options it names."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from client_tests.harness.server import serving
from contracts.server.expected import read_expected
from contracts.server.suite import PARTS
from tests.cli.server_process import clean_environment

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "check-server.md").read_text("utf-8")
LITTLE: Final = "--part checks --profile archives"
"""Enough to see that the commands are right."""


def block(language: str) -> str:
    (found,) = re.findall(rf"^ *```{language}\n(.*?)^ *```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def script(name: str) -> str:
    job: Any = yaml.safe_load(block("yaml"))["jobs"]["contract"]
    return next(str(step["run"]) for step in job["steps"] if step.get("name") == name)


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-ec", command],
        cwd=folder,
        env=clean_environment() | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_job_is_one() -> None:
    whole: Any = yaml.safe_load(block("yaml"))
    steps = whole["jobs"]["contract"]["steps"]
    assert all(("uses" in step) != ("run" in step) for step in steps)
    assert steps[-1]["if"] == "always()"
    assert set(whole[True]) == {"push", "pull_request"}  # YAML 1.1 reads `on` so


def test_the_job_and_the_file_for_pytest_judge_a_server(tmp_path: Path) -> None:
    asked = script("Judge it")
    with serving() as server:
        here = server.url.removeprefix("http://127.0.0.1:")
        waiting = next(line for line in script("Start the server").splitlines() if line.startswith("timeout"))
        command = f"{waiting}\n{asked.rstrip()} {LITTLE}".replace("8000", here)
        judged = run(command, tmp_path)
        assert judged.returncode == 0, judged.stdout + judged.stderr
        assert {path.name for path in tmp_path.iterdir()} == {"contract.xml", "contract.html"}

        text = block("python").replace("http://127.0.0.1:8000", server.url)
        text = text.replace('effort="short"', 'effort="short", profiles=("form", "archives")')
        text += '\n\n@pytest.fixture(scope="session")\ndef contract_parts():\n    return ("checks",)\n'
        (tmp_path / "test_mine.py").write_text(text)
        tested = run(f"python -m pytest -q -p no:cacheprovider {tmp_path}", ROOT)
    assert tested.returncode == 0, tested.stdout
    assert int(re.findall(r"(\d+) passed", tested.stdout)[0]) > 10


def test_a_failing_check_is_a_failing_test(tmp_path: Path) -> None:
    from tests.contracts import silly

    with silly.always(200, b"{}") as url:
        text = block("python").replace("http://127.0.0.1:8000", url)
        text = text.replace('effort="short"', 'effort="short", seconds=20.0, profiles=("form",)')
        text += '\n\n@pytest.fixture(scope="session")\ndef contract_parts():\n    return ("checks",)\n'
        (tmp_path / "test_mine.py").write_text(text)
        tested = run(f"python -m pytest -q -p no:cacheprovider {tmp_path}", ROOT)
    assert tested.returncode == 1
    assert re.search(r"^FAILED .*::test_contract\[[a-z0-9-]+\]", tested.stdout, re.MULTILINE)
    assert re.search(r"^MUST FORM-UNKNOWN-PATH: ", tested.stdout, re.MULTILINE)


def test_the_page_tells_of_every_part_and_its_expected_failures_are_some(tmp_path: Path) -> None:
    assert set(PARTS) == set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    file = tmp_path / "known.txt"
    file.write_text(block("text"))
    assert len(read_expected(file).entries) == 2


def test_the_makefile_judges_a_fresh_server() -> None:
    printed = subprocess.run(
        ["make", "-n", "contract", "EFFORT=short", "ARGS=--seed 3"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env=clean_environment(),
    )
    assert "tinker-mock run --" in printed.stdout
    assert "--effort short --html build/contract.html --seed 3" in printed.stdout


@pytest.mark.parametrize("option", ["--profile", "--effort", "--time-limit", "--key", "--seed", "--expected-failures"])
def test_the_page_names_the_options_that_there_are(option: str) -> None:
    assert option in PAGE
    assert option in (ROOT / "docs" / "cli.md").read_text("utf-8")
