"""The scenario that others are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from client_tests.scenarios.playing import Player


@pytest.mark.scenario("nothing-happens")
def test_a_whole_life_breaks_no_rule(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        training = kit.trainer(service_client)
        losses = kit.steps(training, 3)
        path = training.save_state("step-3").result().path
        restored = kit.client(service_client.create_training_client_from_state_with_optimizer(path))
        losses += kit.steps(restored, 1)
        sampler = kit.client(restored.save_weights_and_get_sampling_client())
        return [losses, len(sampler.sample(kit.prompt(), 2, kit.greedy(4)).result().sequences)]

    played = play.sdk("nothing-happens", program)
    played.assert_kept()
    losses, sequences = played.saw
    assert losses == sorted(losses, reverse=True)
    assert sequences == 2
    assert [run["optimizer_steps"] for run in played.runs()] == [3, 4]
