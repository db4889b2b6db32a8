"""What the server holds is not what its client believes, or ends under its hands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from client_tests.scenarios.playing import train

if TYPE_CHECKING:
    from client_tests.scenarios.playing import Player


@pytest.mark.scenario("run-corrupted-in-training")
def test_a_corrupted_run_ends_the_training_and_is_named(play: Player) -> None:
    played = play.sdk("run-corrupted-in-training", train, steps=4)
    played.assert_kept(1)
    (run,) = played.runs()
    assert run["id"] in played.output
    assert run["corrupted"]


@pytest.mark.scenario("server-restarts-in-training")
def test_a_restart_goes_unnoticed_by_the_numbers(play: Player) -> None:
    played = play.sdk("server-restarts-in-training", train, steps=4)
    played.assert_kept(1)
    assert played.saw == play.undisturbed(train, steps=4).saw
    assert [run["optimizer_steps"] for run in played.runs()] == [4]


@pytest.mark.scenario("session-evicted")
def test_an_evicted_session_takes_no_new_run_and_says_so(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> None:
        kit.steps(kit.trainer(service_client), 2)
        kit.trainer(service_client)

    played = play.sdk("session-evicted", program)
    played.assert_kept(1)
    assert [run["optimizer_steps"] for run in played.runs()] == [2]
