"""`tinker-mock scenario replay`: the same requests get the same answers, or the first that differs is shown."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from tests.cli.server_process import tinker_mock
from tests.cli.test_scenario_run import client, run

if TYPE_CHECKING:
    from pathlib import Path


def replay(*arguments: str) -> subprocess.CompletedProcess[str]:
    return tinker_mock("scenario", "replay", *arguments)


def test_a_replay_gets_the_recorded_answers_or_shows_the_first_that_differs(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    done = run("create-session-refused-once", "--seed", "5", "--keep-journal", str(journal), *client("a", "a"))
    assert done.returncode == 0, done.stderr
    again = replay(str(journal))
    assert (again.returncode, again.stdout) == (0, "2 exchanges: all answers are as recorded\n"), again.stderr

    session = done.stdout.splitlines()[1]
    journal.write_text(journal.read_text().replace(session, "another-session"))
    again = replay(str(journal))
    assert again.returncode == 1
    assert again.stdout.splitlines() == [
        "#2 POST /api/v1/create_session -> 200",
        "  session_id",
        "  recorded: another-session",
        f"  now:      {session}",
    ]

    # Other seeds make other ids.
    first, rest = journal.read_text().split("\n", 1)
    line = json.loads(first)
    line["notes"]["played"]["seed"] = 6
    journal.write_text("\n".join((json.dumps(line), rest.replace("another-session", session))))
    assert f"  recorded: {session}" in replay(str(journal)).stdout


def test_what_can_not_be_replayed_is_an_error(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    exchange = {"method": "GET", "path": "/api/v1/healthz", "request": {}, "response": {"status": 200}}
    journal.write_text(json.dumps(exchange))
    refused = replay(str(journal))
    assert (refused.returncode, "does not say which scenario it is of" in refused.stderr) == (2, True)
    notes = {"played": {"scenario": {}, "seed": 0}, "tenant": "0123456789abcdef"}
    journal.write_text(json.dumps({**exchange, "notes": notes}))
    refused = replay(str(journal))
    assert (refused.returncode, "was recorded under another key: give that with --key" in refused.stderr) == (2, True)
    journal.write_text("no JSON")
    refused = replay(str(journal))
    assert (refused.returncode, "line 1: no exchange" in refused.stderr) == (2, True)
