"""Training runs whose state is not what their client was told: what shows it, and what does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from client_tests.scenarios.playing import train_and_look

if TYPE_CHECKING:
    from client_tests.scenarios.playing import Player


@pytest.mark.scenario("weights-perturbed-unseen")
@pytest.mark.scenario("gradients-counted-twice")
@pytest.mark.scenario("step-taken-twice")
@pytest.mark.scenario("run-rewound")
@pytest.mark.parametrize(
    ("scenario_id", "steps", "sound"),
    [
        ("weights-perturbed-unseen", 3, 2),
        ("gradients-counted-twice", 3, 2),
        ("step-taken-twice", 4, 2),
        ("run-rewound", 2, 3),
    ],
)
def test_only_the_losses_tell(play: Player, scenario_id: str, steps: int, sound: int) -> None:
    """sound: how many of the losses are those of a run that nothing happened to."""
    undisturbed = play.undisturbed(train_and_look)
    played = play.sdk(scenario_id, train_and_look)
    played.assert_kept(1)
    assert [run["optimizer_steps"] for run in played.runs()] == [steps]
    assert played.saw[:sound] == undisturbed.saw[:sound]
    assert all(one != other for one, other in zip(played.saw[sound:], undisturbed.saw[sound:], strict=True))
    if scenario_id == "run-rewound":
        assert played.saw[3] == undisturbed.saw[2]
    asked = [call.exchange.request.body for call in played.calls("optim_step")]
    run = played.runs()[0]["id"].encode()
    other = undisturbed.runs()[0]["id"].encode()
    assert [body.replace(run, other) for body in asked] == [
        call.exchange.request.body for call in undisturbed.calls("optim_step")
    ]


@pytest.mark.scenario("weights-lost")
def test_a_run_without_weights_is_left_for_another_from_its_checkpoint(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        training = kit.trainer(service_client)
        kit.steps(training, 1)
        path = training.save_state("one").result().path
        kit.steps(training, 1)
        lost = kit.raised(training.forward_backward([kit.datum()], "cross_entropy").result)
        corrupted = kit.rest(service_client).get_training_run(training.model_id).result().corrupted
        restored = kit.client(service_client.create_training_client_from_state_with_optimizer(path))
        return [lost["type"], corrupted, kit.steps(restored, 1)]

    played = play.sdk("weights-lost", program)
    played.assert_kept(1)
    lost, corrupted, losses = played.saw
    assert (lost, corrupted) == ("RequestFailedError", True)
    assert losses == play.undisturbed(train_and_look).saw[1:2]
    assert [(run["corrupted"], run["optimizer_steps"]) for run in played.runs()][1] == (False, 2)


@pytest.mark.scenario("restore-forgets-moments")
def test_a_restore_that_lost_the_moments_takes_another_step_than_a_whole_one(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> list[float]:
        training = kit.trainer(service_client)
        kit.steps(training, 2)
        path = training.save_state("two").result().path
        restored = kit.client(service_client.create_training_client_from_state_with_optimizer(path))
        losses = kit.steps(restored, 1)
        losses.append(restored.forward([kit.datum()], "cross_entropy").result().metrics["loss:sum"])
        return losses  # type: ignore[no-any-return]

    played = play.sdk("restore-forgets-moments", program)
    played.assert_kept(1)
    whole = play.sdk("nothing-happens", program)
    assert played.saw[0] == whole.saw[0]
    assert played.saw[1] != whole.saw[1]
    assert [run["optimizer_steps"] for run in played.runs()] == [2, 1]
