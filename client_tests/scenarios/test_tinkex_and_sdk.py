"""Scenarios that Tinkex and the official SDK meet in different ways, or in the same way."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any

import pytest

from client_tests.scenarios import playing
from client_tests.scenarios.meeting import meet, train

if TYPE_CHECKING:
    from client_tests.scenarios.playing import Player


@pytest.mark.scenario("poll-rate-limited")
def test_429_to_a_poll_ends_tinkex_and_only_delays_the_sdk(play: Player) -> None:
    ended, client = meet(play, "poll-rate-limited", train)
    ended.assert_kept(1)
    assert "api_status/server" in ended.output
    assert client.slept == []
    assert [run["optimizer_steps"] for run in ended.runs()] == [1]
    delayed = play.sdk("poll-rate-limited", playing.train, steps=3)
    delayed.assert_kept(1)
    assert len(delayed.saw) == 3
    assert [run["optimizer_steps"] for run in delayed.runs()] == [3]


@pytest.mark.scenario("run-made-without-its-name")
def test_a_run_without_a_name_crashes_tinkex_and_not_the_sdk(play: Player) -> None:
    crashed, _ = meet(play, "run-made-without-its-name", train)
    crashed.assert_kept(1)
    assert crashed.output.startswith("Crash: ")
    assert crashed.statuses("forward_backward") == []
    went_on = play.sdk("run-made-without-its-name", playing.train, steps=3)
    went_on.assert_kept(1)
    assert [run["optimizer_steps"] for run in went_on.runs()] == [3]


@pytest.mark.scenario("loss-is-no-number")
def test_a_loss_that_is_no_number_can_not_be_read_as_json_and_comes_through_as_protobuf(play: Player) -> None:
    refused, _ = meet(play, "loss-is-no-number", train)
    refused.assert_kept(1)
    assert "JSON decode error" in refused.output
    assert [run["optimizer_steps"] for run in refused.runs()] == [1]

    def program(service_client: Any, kit: Any) -> list[str]:
        return [repr(loss) for loss in kit.steps(kit.trainer(service_client), 3)]

    shown = play.sdk("loss-is-no-number", program)
    shown.assert_kept(1)
    assert [isnan(float(loss)) for loss in shown.saw] == [False, True, False]
    assert [run["optimizer_steps"] for run in shown.runs()] == [3]


@pytest.mark.parametrize(
    ("scenario_id", "operation", "met"),
    [
        ("retry-demanded-by-header", "optim_step", [400, 200, 200, 200]),
        ("batch-answered-408-once", "forward_backward", [200, 408, 200, 200]),
        ("batch-fails-by-users-fault", "forward_backward", [200, 200]),
        ("batch-refused-for-good", "forward_backward", [200, 422]),
        ("result-expired", "optim_step", [200]),
    ],
)
def test_the_sdk_does_the_same(play: Player, scenario_id: str, operation: str, met: list[int]) -> None:
    played = play.sdk(scenario_id, playing.train, steps=3)
    played.assert_kept(1)
    assert played.statuses(operation) == met
