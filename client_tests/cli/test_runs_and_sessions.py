"""Training runs and sessions, as the command shows them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from client_tests.cli.conftest import Made
    from client_tests.harness.cli import Cli


def test_runs_are_listed_and_described(cli: Cli, made: Made) -> None:
    assert cli.shows("run", "list", texts=[made.run_id])["runs"][0]["base_model"] == "Qwen/Qwen3-8B"
    info = cli.shows("run", "info", made.run_id, texts=[made.run_id, "Qwen/Qwen3-8B", "shown by the command"])
    assert (info["lora_rank"], info["corrupted"]) == (4, False)
    assert info["last_checkpoint"]["tinker_path"] == made.paths["second"]
    assert info["last_sampler_checkpoint"]["tinker_path"] == made.paths["sampled"]


def test_every_column_has_something_to_show(cli: Cli, made: Made) -> None:
    columns = "id,model,owner,lora,updated,status,checkpoint,checkpoint_time"
    table = cli.table("run", "list", "--columns", columns)
    for text in (made.run_id, "Qwen/Qwen3-8B", "Rank 4", "OK", "weights/second"):
        assert text in table


def test_all_runs_come_page_by_page(cli: Cli, http: httpx.Client) -> None:
    """The command asks for 100 at a time."""
    session = http.post("create_session", json={"tags": []}).json()["session_id"]
    for number in range(103):
        body = {
            "session_id": session,
            "model_seq_id": number,
            "base_model": "Qwen/Qwen3-8B",
            "lora_config": {"rank": 1},
        }
        assert http.post("create_model", json=body).is_success
    ids = {run["training_run_id"] for run in cli.json("run", "list", "--limit", "0")["runs"]}
    assert ids == {f"{session}:train:{number}" for number in range(103)}
    assert "102 training runs (1 more not shown" in cli.table("run", "list", "--limit", "102")


def test_no_runs_and_a_run_that_is_not_there_are_said_to_be(cli: Cli) -> None:
    assert "No training runs found" in cli.table("run", "list")
    assert "'nothing' does not exist" in cli.refused("run", "info", "nothing")


def test_a_sessions_trace_has_an_address_and_is_downloaded(cli: Cli, made: Made) -> None:
    url = cli.table("session", "export-trace", made.session_id, "--url-only").strip()
    assert cli.json("session", "export-trace", made.session_id, "--url-only")["session_id"] == made.session_id
    assert httpx.get(url).json()["traceEvents"]
    told = cli.json("session", "export-trace", made.session_id, "--output", "traces/session.pftrace")
    file = cli.home / "traces" / "session.pftrace"
    assert (told["destination"], told["file_size_bytes"]) == ("traces/session.pftrace", file.stat().st_size)
    assert json.loads(file.read_text())["traceEvents"]
    assert "does not exist" in cli.refused("session", "export-trace", "nothing")
