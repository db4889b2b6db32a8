"""Checkpoints whose rows, files and lists do not fit each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from client_tests.scenarios.playing import Player


def save_and_load(service_client: Any, kit: Any) -> list[Any]:
    """The names that are listed, and a loss before the save and behind the load."""
    training = kit.trainer(service_client)
    kit.steps(training, 1)

    def loss() -> Any:
        return training.forward([kit.datum()], "cross_entropy").result().metrics["loss:sum"]

    before = loss()
    path = training.save_state("kept").result().path
    rest = kit.rest(service_client)
    listed = [each.checkpoint_id for each in rest.list_user_checkpoints().result().checkpoints]
    try:
        training.load_state(path).result()
    except Exception as error:
        raise RuntimeError(
            f"listed {listed}; {type(error).__name__}: {error}; loss as before: {loss() == before}"
        ) from error
    return [listed, before, loss()]


@pytest.mark.scenario("checkpoint-bit-flipped")
@pytest.mark.scenario("checkpoint-without-file")
@pytest.mark.scenario("checkpoint-forgotten")
@pytest.mark.parametrize(
    ("scenario_id", "listed"),
    [
        ("checkpoint-bit-flipped", ["weights/kept"]),
        ("checkpoint-without-file", ["weights/kept"]),
        ("checkpoint-forgotten", []),
    ],
)
def test_a_checkpoint_that_can_not_be_loaded_leaves_the_run_as_it_was(
    play: Player, scenario_id: str, listed: list[str]
) -> None:
    played = play.sdk(scenario_id, save_and_load)
    played.assert_kept(1)
    assert f"listed {listed}" in played.output
    assert "loss as before: True" in played.output
    assert len(played.statuses("save_weights")) == 1
    assert [run["optimizer_steps"] for run in played.runs()] == [1]


@pytest.mark.scenario("checkpoint-bit-flipped-unseen")
def test_a_bit_that_nobody_notices_shows_in_what_is_computed(play: Player) -> None:
    played = play.sdk("checkpoint-bit-flipped-unseen", save_and_load)
    played.assert_kept(1)
    listed, before, after = played.saw
    assert listed == ["weights/kept"]
    assert before != after
    whole = play.sdk("nothing-happens", save_and_load).saw
    assert whole[1] == whole[2] == before


@pytest.mark.scenario("checkpoint-list-stale")
def test_a_list_that_lags_behind_hides_what_can_be_loaded(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        training = kit.trainer(service_client)
        path = training.save_state("new").result().path
        rest = kit.rest(service_client)
        listed = [len(rest.list_user_checkpoints().result().checkpoints) for _ in range(2)]
        training.load_state(path).result()
        return listed

    played = play.sdk("checkpoint-list-stale", program)
    played.assert_kept(1)
    assert played.saw == [0, 1]
    assert len(played.runs()[0]["checkpoints"]) == 1
