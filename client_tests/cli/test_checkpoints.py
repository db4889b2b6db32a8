"""Checkpoints, as the command shows, changes and deletes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

    from client_tests.cli.conftest import Made
    from client_tests.harness.cli import Cli


def left(http: httpx.Client, made: Made) -> dict[str, Any]:
    """What the server holds of the run, by path."""
    answer = http.get(f"training_runs/{made.run_id}/checkpoints").json()["checkpoints"]
    return {each["tinker_path"]: each for each in answer}


def test_checkpoints_are_listed_and_described(cli: Cli, made: Made) -> None:
    paths = list(made.paths.values())
    listed = cli.shows("checkpoint", "list", texts=[*paths, "training", "sampler", "external"])["checkpoints"]
    assert [each["tinker_path"] for each in listed] == paths[::-1]
    assert cli.shows("checkpoint", "list", "--run-id", made.run_id, texts=paths)["run_id"] == made.run_id
    assert "4 checkpoints for run" in cli.table("checkpoint", "list", "--run-id", made.run_id)
    for path in paths:
        info = cli.json("checkpoint", "info", path)
        assert (info["tinker_path"], info["is_lora"], info["lora_rank"]) == (path, True, 4)
        assert info["size_bytes"] > 0
    assert "Yes (Rank 4)" in cli.table("checkpoint", "info", paths[0])


def test_all_checkpoints_come_page_by_page(cli: Cli, http: httpx.Client) -> None:
    """The command asks for 1,000 at a time."""
    session = http.post("create_session", json={"tags": []}).json()["session_id"]
    run = {"session_id": session, "model_seq_id": 0, "base_model": "Qwen/Qwen3-8B", "lora_config": {"rank": 1}}
    http.post("create_model", json=run)
    for number in range(1, 1004):
        body = {"model_id": f"{session}:train:0", "seq_id": number, "path": f"ck{number}"}
        request_id = http.post("save_weights_for_sampler", json=body).json()["request_id"]
    while http.post("retrieve_future", json={"request_id": request_id}).status_code == 408:
        pass  # the last save ends after all others
    found = cli.json("checkpoint", "list", "--limit", "0")["checkpoints"]
    assert {each["checkpoint_id"] for each in found} == {f"sampler_weights/ck{number}" for number in range(1, 1004)}
    assert "1002 checkpoints (1 more not shown" in cli.table("checkpoint", "list", "--limit", "1002")


def test_what_is_not_there_is_said_to_be(cli: Cli, made: Made) -> None:
    assert "No checkpoints found for run" in cli.table(
        "checkpoint", "delete", "--run-id", made.run_id, "--type", "external", "--before", "2024-01-01", "--yes"
    )
    nothing = f"tinker://{made.run_id}/weights/nothing"
    assert "Checkpoint not found" in cli.refused("checkpoint", "info", nothing)
    for verb in ("publish", "unpublish"):
        assert "does not exist" in cli.refused("checkpoint", verb, nothing)
    assert "does not exist" in cli.refused("checkpoint", "set-ttl", nothing, "--remove")
    assert "does not exist" in cli.refused("checkpoint", "list", "--run-id", "nothing")


def test_checkpoints_are_published_and_withdrawn(cli: Cli, made: Made, http: httpx.Client) -> None:
    path = made.paths["first"]
    for _ in range(2):  # saying it twice is no conflict, which the SDK would repeat for minutes
        cli.table("checkpoint", "publish", path)
        assert left(http, made)[path]["public"] is True
    for _ in range(2):
        cli.table("checkpoint", "unpublish", path)
        assert left(http, made)[path]["public"] is False


def test_a_time_to_live_is_set_and_taken_away(cli: Cli, made: Made, http: httpx.Client) -> None:
    path = made.paths["sampled"]
    cli.table("checkpoint", "set-ttl", path, "--ttl", "7200")
    expires = datetime.fromisoformat(left(http, made)[path]["expires_at"])
    assert abs(expires - datetime.now(UTC) - timedelta(hours=2)) < timedelta(minutes=2)
    assert "Never" not in cli.table("checkpoint", "info", path)
    cli.table("checkpoint", "set-ttl", path, "--remove")
    assert left(http, made)[path]["expires_at"] is None
    for seconds in ("5", "-7200", "99999999999"):
        assert "ttl_seconds" in cli.refused("checkpoint", "set-ttl", path, "--ttl", seconds)


def test_a_stranger_sees_what_is_published_and_changes_nothing(cli: Cli, made: Made, http: httpx.Client) -> None:
    stranger, path = cli.as_tenant(f"{cli.key}-stranger"), made.paths["first"]
    cli.table("checkpoint", "publish", path)
    for change in (["unpublish", path], ["set-ttl", path, "--remove"]):
        assert "only its owner can change it" in stranger.refused("checkpoint", *change)
    told = stranger.json("checkpoint", "delete", "--yes", path, made.paths["second"])
    assert told["deleted_count"] == 0
    errors = {each["tinker_path"]: each["error"] for each in told["failed"]}
    assert "only its owner can change it" in errors[path]
    assert "does not exist" in errors[made.paths["second"]]
    assert left(http, made).keys() == set(made.paths.values())


def test_those_that_can_be_deleted_are_and_the_others_are_named(cli: Cli, made: Made, http: httpx.Client) -> None:
    nothing = f"tinker://{made.run_id}/weights/nothing"
    told = cli.json("checkpoint", "delete", "--yes", made.paths["first"], nothing, made.paths["exported"])
    assert told["deleted_count"] == 2
    assert [each["tinker_path"] for each in told["failed"]] == [nothing]
    assert "does not exist" in told["failed"][0]["error"]
    table = cli.table("checkpoint", "delete", "--yes", made.paths["second"], made.paths["first"])
    assert "Deleted 1 checkpoint(s)" in table
    assert f"Failed to delete 1 checkpoint(s):\n  - {made.paths['first']}" in table
    assert list(left(http, made)) == [made.paths["sampled"]]


@pytest.mark.parametrize(("answer", "kept"), [("n", 4), ("y", 0)])
def test_nothing_is_deleted_without_a_yes(cli: Cli, made: Made, http: httpx.Client, answer: str, kept: int) -> None:
    told = cli.table("checkpoint", "delete", "--run-id", made.run_id, given=f"{answer}\n")
    assert "Will delete 4 checkpoint(s)" in told
    assert ("Deletion cancelled" in told) == (answer == "n")
    assert len(left(http, made)) == kept


def test_a_runs_checkpoints_are_deleted_by_kind_and_time(cli: Cli, made: Made, http: httpx.Client) -> None:
    run, moment = ["--run-id", made.run_id], left(http, made)[made.paths["first"]]["time"]
    cli.table("checkpoint", "delete", *run, "--type", "weights", "--after", moment, "--yes")
    assert left(http, made).keys() == set(made.paths.values()) - {made.paths["second"]}
    assert cli.json("checkpoint", "delete", *run, "--type", "sampler_weights", "--yes")["deleted_count"] == 1
    assert left(http, made).keys() == {made.paths["first"], made.paths["exported"]}
