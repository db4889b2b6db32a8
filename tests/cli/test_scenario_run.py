"""`tinker-mock scenario run`: a client meets an incident at a server of its own, and is judged."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from contracts.capture import read
from tests.cli.server_process import tinker_mock

if TYPE_CHECKING:
    from pathlib import Path

CLIENT = """
import json, os, sys, urllib.error, urllib.request

keys = {keys}

def say(stream, line):
    # At once: what comes from the other stream meanwhile stands before or behind the line, and not within.
    stream.write(line + chr(10))

def create_session(attempt):
    headers = {{"x-api-key": os.environ["TINKER_API_KEY"], "content-type": "application/json",
               "x-idempotency-key": keys[attempt], "x-stainless-retry-count": str(attempt)}}
    url = os.environ["TINKER_BASE_URL"] + "/api/v1/create_session"
    body = json.dumps({{"tags": [], "sdk_version": "0.38.0", "type": "create_session"}}).encode()
    request = urllib.request.Request(url, body, headers)
    return json.load(urllib.request.build_opener(urllib.request.ProxyHandler({{}})).open(request))

try:
    create_session(0)
except urllib.error.HTTPError as error:
    say(sys.stdout, "refused with %d" % error.code)
    import time
    time.sleep(0.3)
say(sys.stdout, create_session(1)["session_id"])
{end}
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return tinker_mock("scenario", "run", *arguments)


def client(*keys: str, end: str = "") -> list[str]:
    return ["--", sys.executable, "-c", CLIENT.format(keys=keys, end=end)]


def test_a_client_that_does_right_is_told_so(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    done = run("create-session-refused-once", "--keep-journal", str(journal), *client("a", "a"))
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0] == "refused with 503"
    assert said[-1] == "create-session-refused-once: all 5 points kept; faults struck: 1"
    assert "ok   wire: at least 1: retry-keeps-its-key holds" in said
    kept = list(read(journal))
    assert [exchange.response.status for exchange in kept if exchange.response] == [503, 200]
    assert "tml-local" not in journal.read_text()


def test_a_client_that_does_wrong_is_told_what_and_shown_where() -> None:
    wrong = client("a", "b", end="say(sys.stderr, 'it is over')\nsys.exit(1)")
    done = run("create-session-refused-once", "--json", *wrong)
    assert done.returncode == 1, done.stderr
    # Standard output is for the program that reads it. What comes of two pipes comes in no certain order.
    assert "refused with 503" in done.stderr.splitlines()
    verdict = json.loads(done.stdout)
    assert not verdict["kept"]
    failed = {point["expected"]: point for point in verdict["points"] if not point["kept"]}
    assert failed["exactly 1: create_session, with different values of idempotency_key"]["seen"] == "there were 2"
    assert failed["completes"]["seen"] == "it ended with exit status 1"
    assert "it is over" in failed["completes"]["evidence"]


def test_a_client_that_hangs_is_stopped_and_may_have_said_how_it_ended() -> None:
    said = json.dumps({"outcome": "reports", "message": "it was too much"})
    end = f"open(os.environ['TINKER_SCENARIO_OUTCOME'], 'w').write({said!r} + chr(10) + 'no JSON')\ntime.sleep(60)"
    done = run("create-session-refused-once", "--time-limit", "2", *client("a", "a", end=end))
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "create-session-refused-once: 1 of 5 points failed; faults struck: 1"
    at = done.stdout.splitlines().index("FAIL client: completes")
    assert done.stdout.splitlines()[at + 1].strip() == "it did not end, and was stopped"
    assert done.stdout.splitlines()[at + 4].strip() == "it was too much"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["no-such", "--", "true"], 2, "scenario 'no-such' is unknown"),
        (["create-session-refused-once", "--", "/no/such/command"], 127, "there is no command '/no/such/command'"),
        (
            ["create-session-refused-once", "--keep-journal", "/no/such/x.jsonl", "--", "true"],
            2,
            "there is no directory",
        ),
        (["create-session-refused-once"], 2, "Missing argument"),
    ],
)
def test_what_can_not_be_run_is_an_error(arguments: list[str], code: int, message: str) -> None:
    done = run(*arguments)
    assert (done.returncode, message in done.stderr) == (code, True), done.stderr
