"""A run is corrupted, and Tinkex's recovery layer makes another one of its last checkpoint, or says why not."""

from __future__ import annotations

from time import sleep
from typing import TYPE_CHECKING

import pytest

from client_tests.scenarios.meeting import meet
from client_tests.tinkex.recovery import Recovery
from client_tests.tinkex.tinkex import TinkexError

if TYPE_CHECKING:
    from client_tests.scenarios.playing import Played, Player
    from client_tests.tinkex.tinkex import Tinkex

FOUND = ["detected", "started", "checkpoint_selected"]
DONE = ["client_created", "completed"]


def recovered(client: Tinkex) -> tuple[list[str], list[float]]:
    """Two steps, a save, and two steps more, of a run that may be another by then; and what recovery told."""
    run = client.new_model(seed=7)
    losses = client.train(run, 2)
    client.save(run, "good")
    try:
        client.forward_backward(run)()
    except TinkexError as refused:
        assert "is corrupted" in refused.message  # noqa: PT017 - any other refusal is no part of this
    events, run = watched(client, run)
    return events, [*losses, *client.train(run, 2)]


def watched(client: Tinkex, run: str) -> tuple[list[str], str]:
    """What recovery told, and the run that goes on. Raises what Tinkex hands to on_failure."""
    recovery = Recovery(client)
    recovery.watch(run)
    if recovery.recovered is None:
        raise TinkexError("recovery", None, f"{', '.join(recovery.events)}: {recovery.failure}")
    return recovery.events, recovery.recovered


def assert_went_on(played: Played, play: Player) -> None:
    """The numbers are those of a run that nothing happened to."""
    undisturbed, _ = meet(play, "nothing-happens", lambda client: client.train(client.new_model(seed=7), 4))
    assert played.saw[1] == undisturbed.saw


@pytest.mark.scenario("recovery-restores-corrupted-run")
def test_a_corrupted_run_goes_on_as_another(play: Player) -> None:
    played, client = meet(play, "recovery-restores-corrupted-run", recovered)
    played.assert_kept(1)
    assert played.saw[0] == [*FOUND, *DONE]
    assert client.slept == []
    assert [(run["optimizer_steps"], run["corrupted"]) for run in played.runs()] == [(2, True), (4, False)]
    assert_went_on(played, play)


@pytest.mark.scenario("recovery-delayed-by-unreadable-run")
def test_looks_that_fail_only_delay_it(play: Player) -> None:
    played, _ = meet(play, "recovery-delayed-by-unreadable-run", recovered)
    played.assert_kept(1, 2)
    assert played.saw[0] == ["poll_error", "poll_error", *FOUND, *DONE]
    assert played.statuses("get_training_run") == [404, 404, 200]
    assert_went_on(played, play)


@pytest.mark.scenario("recovery-load-fails-once")
@pytest.mark.scenario("recovery-new-run-refused-once")
@pytest.mark.parametrize("scenario_id", ["recovery-load-fails-once", "recovery-new-run-refused-once"])
def test_a_failed_restore_is_tried_again_under_the_same_number(play: Player, scenario_id: str) -> None:
    played, client = meet(play, scenario_id, recovered)
    played.assert_kept(1, 1)
    assert played.saw[0] == [*FOUND, "failed", *DONE]
    assert client.slept[0] == 5.0
    asked = [call.exchange.request.json["model_seq_id"] for call in played.calls("create_model")]
    assert asked == [0, 1, 1]
    assert [run["optimizer_steps"] for run in played.runs()] == [2, 4]
    assert_went_on(played, play)


@pytest.mark.scenario("recovery-meets-one-500")
def test_one_500_stays_below_the_recovery(play: Player) -> None:
    played, client = meet(play, "recovery-meets-one-500", recovered, wait=sleep)
    played.assert_kept(1, 1)
    assert played.saw[0] == [*FOUND, *DONE]
    assert client.slept == [0.5]
    assert played.statuses("weights_info") == [500, 200]
    assert_went_on(played, play)


@pytest.mark.scenario("recovery-load-seems-to-fail")
def test_a_load_that_seems_to_have_failed_is_asked_for_again(play: Player) -> None:
    played, client = meet(play, "recovery-load-seems-to-fail", recovered)
    played.assert_kept(1, 1)
    assert played.saw[0] == [*FOUND, *DONE]
    assert client.slept == [1.0, 2.0, 4.0, 8.0]
    assert played.statuses("load_weights") == [200]
    assert_went_on(played, play)


@pytest.mark.scenario("recovery-exhausted")
def test_a_restore_that_always_fails_is_given_up(play: Player) -> None:
    played, client = meet(play, "recovery-exhausted", recovered)
    played.assert_kept(1, 3)
    assert "failed, failed, failed, exhausted: checkpoint not found" in played.output
    assert client.slept == [5.0, 10.0, 20.0]
    assert played.statuses("create_model") == [200]
    assert [run["optimizer_steps"] for run in played.runs()] == [2]


@pytest.mark.scenario("recovery-without-checkpoint")
def test_without_a_checkpoint_there_is_nothing_to_restore(play: Player) -> None:
    def program(client: Tinkex) -> None:
        run = client.new_model()
        client.train(run, 1)
        watched(client, run)

    played, _ = meet(play, "recovery-without-checkpoint", program)
    played.assert_kept(1)
    assert "detected, started, failed, failed, failed, exhausted: missing_checkpoint" in played.output
    assert played.statuses("get_training_run") == [200]  # never asked again
    assert [(run["optimizer_steps"], run["corrupted"]) for run in played.runs()] == [(1, True)]
