"""`tinker-mock scenario list|show|new`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from mock_server.cli import app

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result


def scenario(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["scenario", *arguments])


def test_list_names_each_with_its_title(tmp_path: Path) -> None:
    assert scenario("new", "mine", "--directory", str(tmp_path)).exit_code == 0
    told = scenario("list", "--scenarios", str(tmp_path))
    assert told.exit_code == 0
    lines = dict(line.split("  ", 1) for line in told.stdout.splitlines())
    assert lines["lost-response-doubles-step"].strip() == "The answer to an optim_step is lost after the step was taken"
    assert "mine" in {each.strip() for each in lines}
    listed = json.loads(scenario("list", "--json").stdout)
    assert {each["id"] for each in listed} == {each.strip() for each in lines} - {"mine"}
    assert all(set(each) == {"id", "title", "incident", "source", "requirements"} for each in listed)


def test_list_tells_where_a_file_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("id: bad\ntitle: [")
    told = scenario("list", "--scenarios", str(tmp_path))
    assert told.exit_code == 2
    assert told.stderr.startswith(f"error: {tmp_path}/bad.yaml:2:9: ")


def test_show_says_what_happens_and_what_is_expected(tmp_path: Path) -> None:
    told = scenario("show", "create-session-refused-once")
    assert told.exit_code == 0
    for part in (
        "incident     C06",
        "source       librefang#7538",
        "The server: Makes a session and answers 503",
        "A good client: Repeats the request",
        "faults       create_session, on 1: status status 503, after_commit",
        "on the wire  at least 1: retry-keeps-its-key holds",
        "exactly 1: create_session, with different values of idempotency_key",
        "client       completes",
        "C-BACKOFF (SHOULD, client): A retry waits",
    ):
        assert part in told.stdout
    shown = json.loads(scenario("show", "create-session-refused-once", "--json").stdout)
    assert shown["faults"][0]["effect"] == {"status": {"status": 503}}


def test_an_unknown_scenario_is_an_error_with_the_nearest(tmp_path: Path) -> None:
    told = scenario("show", "lost-response-doubles-stp")
    assert told.exit_code == 2
    assert (
        told.stderr
        == "error: scenario 'lost-response-doubles-stp' is unknown: did you mean lost-response-doubles-step?\n"
    )
    told = scenario("show", str(tmp_path / "none.yaml"))
    assert told.exit_code == 2
    assert told.stderr == f"error: the scenario {tmp_path}/none.yaml can't be read: No such file or directory\n"


def test_new_writes_a_scenario_that_show_reads(tmp_path: Path) -> None:
    folder = tmp_path / "scenarios"
    told = scenario("new", "my-own", "--directory", str(folder))
    path = folder / "my-own.yaml"
    assert (told.exit_code, told.stdout) == (0, f"{path}\n")
    assert scenario("show", str(path)).stdout.startswith("my-own\n")
    before = path.read_text()
    again = scenario("new", "my-own", "--directory", str(folder))
    assert again.exit_code == 1
    assert again.stderr.startswith(f"error: {path} is there already")
    assert path.read_text() == before


def test_new_refuses_what_is_no_id(tmp_path: Path) -> None:
    told = scenario("new", "My_Own", "--directory", str(tmp_path))
    assert told.exit_code == 2
    assert told.stderr.startswith("error: 'My_Own' is no id: give words of a-z and 0-9")
    assert not list(tmp_path.iterdir())
