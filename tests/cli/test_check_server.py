"""The options of `check server`: what is wrong with one is said at once, and reports are where they were asked for."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import parse

import pytest
from typer.testing import CliRunner

from contracts.server.suite import PARTS
from mock_server.cli import app
from mock_server.cli.check_server import NEEDED
from mock_server.cli.progress import progress
from tests.cli.server_process import TINKER_MOCK, clean_environment, tinker_mock
from tests.contracts import silly

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def empty() -> Iterator[str]:
    """A server that answers every request with an empty object."""
    with silly.always(200, b"{}") as url:
        yield url


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--profile", "core", "--profile", "smapling"], "--profile 'smapling': did you mean sampling?"),
        (["--part", "vector"], "--part 'vector': did you mean vectors?"),
        (["--effort", "long"], "--effort 'long': give one of short, full"),
        (["--expected-failures", "nowhere.txt"], "nowhere.txt: No such file or directory"),
        (["--html", "nowhere/report.html"], "--html nowhere/report.html: give a file in a folder that exists"),
        (["--time-limit", "0"], "--time-limit"),
    ],
)
def test_an_option_that_can_not_be_is_refused_before_anything_is_asked(
    options: list[str], problem: str, tmp_path: Path
) -> None:
    done = tinker_mock("check", "server", NOWHERE, *options, cwd=tmp_path)
    assert done.returncode == 2
    assert problem in done.stderr
    assert "vectors ..." not in done.stderr


def test_what_is_not_installed_is_told_before_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mock_server.cli.check_server.find_spec", lambda name: None if name == "jinja2" else True)
    told = CliRunner().invoke(app, ["check", "server", "no address"])
    assert (told.exit_code, told.stderr) == (2, "error: judging needs jinja2: install tinker-mock[contract].\n")


def test_what_is_needed_is_the_extra() -> None:
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["contract"]
    assert tuple(re.split("[<>=]", each)[0] for each in extra) == NEEDED


def test_reports_are_written_and_a_broken_must_is_1(empty: str, tmp_path: Path) -> None:
    known = tmp_path / "known.txt"
    known.write_text("error-has-a-body\nsubmission-has-a-request-id asample # to come\n")
    arguments = ["--part", "checks", "--profile", "core", "--seed", "5", "--expected-failures", "known.txt", "--clock"]
    files = ["--json", "r.json", "--junit", "r.xml", "--html", "r.html"]
    done = tinker_mock("check", "server", f"{empty}/", *arguments, *files, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    report = json.loads((tmp_path / "r.json").read_text())
    assert (report["url"], report["seed"], report["verdict"], report["profiles"]) == (
        empty,
        5,
        "broken",
        ["form", "core"],
    )
    options = "--effort full --seed 5 --profile core --part checks --expected-failures known.txt --clock"
    assert report["repeat"] == f"tinker-mock check server {empty} {options}"
    assert parse(tmp_path / "r.xml").getroot().tag == "testsuites"
    assert "<h1>" in (tmp_path / "r.html").read_text()
    assert done.stdout.rstrip().endswith("not kept")


def test_ctrl_c_ends_it_with_what_was_found_so_far() -> None:
    with silly.raw(silly.healthy_then(silly.silent)) as url:
        command = [*TINKER_MOCK, "check", "server", url, "--part", "vectors", "--part", "checks"]
        with subprocess.Popen(
            command, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            assert process.stderr.readline() == "vectors ...\n"
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "part vectors: interrupted" in said
    assert "exchanges in " in said


def test_a_terminal_sees_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress() as shown:
        shown.told("a [red]line[/red] that stays")
        shown.doing("what goes on")
    assert "a [red]line[/red] that stays\n" in terminal.getvalue()


def test_parts_and_profiles_leave_the_rest_out(empty: str, tmp_path: Path) -> None:
    done = tinker_mock(
        "check", "server", empty, "--part", "checks", "--profile", "archives", "--json", "r.json", cwd=tmp_path
    )
    report = json.loads((tmp_path / "r.json").read_text())
    assert [part["name"] for part in report["parts"]] == ["checks"]
    assert {each["profile"] for each in report["requirements"]} == {"form", "archives"}
    assert "core" not in done.stdout


def test_all_parts_run_where_none_is_named(empty: str, tmp_path: Path) -> None:
    done = tinker_mock("check", "server", empty, "--time-limit", "2", "--json", "r.json", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert [part["name"] for part in json.loads((tmp_path / "r.json").read_text())["parts"]] == list(PARTS)
