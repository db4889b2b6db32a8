"""Checkpoints downloaded, listed and deleted by Tinkex, and telemetry on the way."""

from __future__ import annotations

from contextlib import suppress
from time import sleep
from typing import TYPE_CHECKING

import pytest

from client_tests.scenarios.meeting import meet
from client_tests.tinkex.download import download
from client_tests.tinkex.tinkex import TinkexError, checkpoint_route

if TYPE_CHECKING:
    from pathlib import Path

    from client_tests.scenarios.playing import Player
    from client_tests.tinkex.tinkex import Tinkex


@pytest.mark.scenario("archive-being-built")
def test_an_archive_that_is_being_built_is_waited_for(play: Player, tmp_path: Path) -> None:
    def program(client: Tinkex) -> list[str]:
        target = download(client, client.save(client.new_model(), "ck"), tmp_path)
        return sorted(file.name for file in target.iterdir())

    played, client = meet(play, "archive-being-built", program)
    played.assert_kept(2)
    assert client.slept == [30.0, 30.0]
    assert played.statuses("get_archive_url") == [503, 503, 302]
    assert {"adapter_config.json", "adapter_model.safetensors"} <= set(played.saw)


@pytest.mark.scenario("archive-not-there")
def test_an_archive_that_is_not_there_is_told_and_leaves_nothing(play: Player, tmp_path: Path) -> None:
    def program(client: Tinkex) -> None:
        download(client, client.save(client.new_model(), "ck"), tmp_path)

    played, client = meet(play, "archive-not-there", program)
    played.assert_kept(1)
    assert "api_status/user" in played.output
    assert client.slept == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.scenario("one-of-several-deletes-refused")
def test_one_refused_delete_leaves_the_others_done(play: Player) -> None:
    def program(client: Tinkex) -> tuple[dict[str, int | None], list[str]]:
        run = client.new_model()
        paths = [client.save(run, name) for name in ("a", "b", "c")]
        failures = {}
        for path in paths:
            try:
                client.call("DELETE", checkpoint_route(path))
            except TinkexError as error:
                failures[path.rpartition("/")[2]] = error.status
        left = client.call("GET", "checkpoints?limit=100&offset=0")["checkpoints"]
        return failures, [each["checkpoint_id"] for each in left]

    played, client = meet(play, "one-of-several-deletes-refused", program)
    played.assert_kept(1)
    assert played.saw == ({"b": 403}, ["weights/b"])
    assert played.statuses("delete_checkpoint") == [204, 403, 204]
    assert client.slept == []


@pytest.mark.scenario("page-of-list-fails")
def test_a_page_that_fails_is_asked_for_again(play: Player) -> None:
    def program(client: Tinkex) -> list[str]:
        seen: list[str] = []
        while True:
            page = client.call("GET", f"checkpoints?limit=10&offset={len(seen)}")
            seen += [each["checkpoint_id"] for each in page["checkpoints"]]
            if len(seen) >= page["cursor"]["total_count"]:
                return seen

    played, client = meet(play, "page-of-list-fails", program, wait=sleep)
    played.assert_kept(1)
    assert sorted(played.saw) == [f"weights/step-{number:02}" for number in range(1, 26)]
    assert played.statuses("list_user_checkpoints") == [200, 503, 200, 200]
    assert client.slept == [0.5]


@pytest.mark.scenario("telemetry-refused")
def test_telemetry_that_nobody_takes_is_dropped(play: Player) -> None:
    def program(client: Tinkex) -> list[float]:
        run = client.new_model(seed=7)
        losses = []
        for _ in range(2):
            losses += client.train(run)
            body = {"session_id": client.session, "platform": "unix/linux", "sdk_version": "0.15.0", "events": []}
            with suppress(TinkexError):
                client.call("POST", "telemetry", body, retries=2)
        return losses

    played, _ = meet(play, "telemetry-refused", program)
    played.assert_kept(6)
    assert played.statuses("telemetry") == [500] * 6
    assert [run["optimizer_steps"] for run in played.runs()] == [2]
    undisturbed, _ = meet(play, "nothing-happens", lambda client: client.train(client.new_model(seed=7), 2))
    assert played.saw == undisturbed.saw
