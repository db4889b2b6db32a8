"""Programs that save, stop and go on: which batches they train, and what their checkpoints hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from client_tests.scenarios.playing import Player


def resume(service_client: Any, kit: Any, first_again: int) -> list[float]:
    """Two of four batches, a checkpoint, and the others in a run that is made of it."""
    batches = [[kit.datum(range(100 + number, 120 + number))] for number in range(4)]
    training = kit.trainer(service_client)
    losses = [kit.steps(training, 1, batch)[0] for batch in batches[:2]]
    path = training.save_state("step-2").result().path
    resumed = kit.client(service_client.create_training_client_from_state_with_optimizer(path))
    return losses + [kit.steps(resumed, 1, batch)[0] for batch in batches[first_again:]]


@pytest.mark.scenario("resume-repeats-a-batch")
def test_who_resumes_behind_the_checkpoint_trains_each_batch_once(play: Player) -> None:
    played = play.sdk("resume-repeats-a-batch", resume, first_again=2)
    played.assert_kept()
    assert len(played.saw) == 4
    assert [run["optimizer_steps"] for run in played.runs()] == [2, 4]
    wrong = play.sdk("resume-repeats-a-batch", resume, first_again=1)
    assert list(wrong.failed().values()) == ["there were 1"]
    assert [run["optimizer_steps"] for run in wrong.runs()] == [2, 5]


@pytest.mark.scenario("label-off-by-one")
def test_a_label_is_what_the_checkpoint_holds(play: Player) -> None:
    def program(service_client: Any, kit: Any, ahead: int) -> None:
        training = kit.trainer(service_client)
        for step in range(1, 4):
            kit.steps(training, 1)
            training.save_state(f"step-{step - ahead}").result()

    played = play.sdk("label-off-by-one", program, ahead=0)
    played.assert_kept()
    wrong = play.sdk("label-off-by-one", program, ahead=1)
    (seen,) = wrong.failed().values()
    assert "checkpoint step-0 holds 1 optimizer steps, which its name does not say" in seen


@pytest.mark.scenario("last-batch-skipped")
def test_an_epoch_is_all_of_its_batches(play: Player) -> None:
    def program(service_client: Any, kit: Any, batches: int) -> None:
        training = kit.trainer(service_client)
        for number in range(batches):
            kit.steps(training, 1, [kit.datum(range(100 + number, 120 + number))])

    played = play.sdk("last-batch-skipped", program, batches=5)
    played.assert_kept()
    assert [run["optimizer_steps"] for run in played.runs()] == [5]
    wrong = play.sdk("last-batch-skipped", program, batches=4)
    assert list(wrong.failed().values()) == ["there were 4"]


@pytest.mark.scenario("restore-without-optimizer")
def test_a_restore_with_the_optimizer_goes_on_and_one_without_it_shows(play: Player) -> None:
    def program(service_client: Any, kit: Any, optimizer: bool) -> list[float]:
        (path,) = [
            each.tinker_path
            for each in kit.rest(service_client).list_user_checkpoints().result().checkpoints
            if each.tinker_path.endswith("after-4")
        ]
        make = service_client.create_training_client_from_state
        if optimizer:
            make = service_client.create_training_client_from_state_with_optimizer
        return kit.steps(kit.client(make(path)), 3)  # type: ignore[no-any-return]

    played = play.sdk("restore-without-optimizer", program, optimizer=True)
    played.assert_kept()
    assert [run["optimizer_steps"] for run in played.runs()] == [4, 7]
    wrong = play.sdk("restore-without-optimizer", program, optimizer=False)
    assert next(iter(wrong.failed())).startswith("at least 1: load_weights, request optimizer")
    assert wrong.saw[0] == played.saw[0]
    assert wrong.saw[2] != played.saw[2]


@pytest.mark.scenario("checkpoint-does-not-fit")
def test_a_checkpoint_of_another_rank_is_refused_with_both(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> None:
        path = kit.rest(service_client).list_user_checkpoints().result().checkpoints[0].tinker_path
        kit.trainer(service_client, rank=8).load_state(path).result(timeout=20)

    played = play.sdk("checkpoint-does-not-fit", program)
    played.assert_kept()
    assert "rank 4" in played.output
    assert "8" in played.output


@pytest.mark.scenario("sampler-weights-missing")
def test_sampler_weights_that_are_not_there_are_named(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> None:
        path = kit.rest(service_client).list_user_checkpoints().result().checkpoints[-1].tinker_path
        path = path.replace("/weights/after-4", "/sampler_weights/after-2").replace("/weights/", "/sampler_weights/")
        kit.client(service_client.create_sampling_client(model_path=path))

    played = play.sdk("sampler-weights-missing", program)
    played.assert_kept()
