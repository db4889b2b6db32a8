"""Answers that are errors, one after another, where nothing is wrong with the request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from client_tests.scenarios.playing import train

if TYPE_CHECKING:
    from client_tests.scenarios.playing import Player


@pytest.mark.scenario("create-session-refused-once")
def test_a_session_that_was_refused_is_asked_for_under_the_same_key(play: Player) -> None:
    played = play.sdk("create-session-refused-once", train, steps=3)
    played.assert_kept(1)
    assert played.statuses("create_session") == [503, 200]
    assert len(played.saw) == 3
    # The repeat names no other session than the one that the refused request made.
    assert len({run["session_id"] for run in played.runs()}) == 1


@pytest.mark.scenario("forward-backward-500s")
def test_a_batch_that_meets_500s_goes_through_in_the_end(play: Player) -> None:
    played = play.sdk("forward-backward-500s", train, steps=3)
    played.assert_kept(3)
    assert played.statuses("forward_backward") == [500, 500, 500, 200, 200, 200]
    assert played.saw == play.undisturbed(train, steps=3).saw


@pytest.mark.scenario("gateway-storm")
def test_pages_of_a_gateway_are_no_end_and_make_no_second_model(play: Player) -> None:
    played = play.sdk("gateway-storm", train, steps=3)
    played.assert_kept(2, 1, 1)
    assert played.statuses("create_model") == [504, 504, 200]
    assert [run["optimizer_steps"] for run in played.runs()] == [3]


@pytest.mark.scenario("second-delete-answered-500")
def test_a_500_where_404_is_due_is_the_servers_fault_and_named(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> None:
        training = kit.trainer(service_client)
        path = training.save_state("once").result().path
        rest = kit.rest(service_client)
        rest.delete_checkpoint_from_tinker_path(path).result()
        rest.delete_checkpoint_from_tinker_path(path).result()

    played = play.sdk("second-delete-answered-500", program)
    played.assert_kept(3)
    assert played.statuses("delete_checkpoint") == [204, 500, 500, 500, 404]


@pytest.mark.scenario("client-version-refused")
def test_a_client_that_is_too_old_is_told_so_at_once(play: Player) -> None:
    def program(service_client: Any) -> None:
        service_client.get_server_capabilities()

    played = play.sdk("client-version-refused", program)
    played.assert_kept(1)
    assert "upgrade tinker" in played.output
