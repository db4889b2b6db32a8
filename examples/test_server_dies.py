"""A training program, and its own test for a server that dies between forward_backward and optim_step."""

import pytest
import tinker
from tinker import types

TOKENS = list(range(100, 124))
DATUM = types.Datum(
    model_input=types.ModelInput.from_ints(TOKENS[:-1]),
    loss_fn_inputs={"target_tokens": TOKENS[1:], "weights": [1.0] * (len(TOKENS) - 1)},
)


def train(steps: int) -> list[float]:
    """The program: what it trains, and the loss before each step."""
    service = tinker.ServiceClient()
    training = service.create_lora_training_client("Qwen/Qwen3-8B", rank=8, seed=1).result()
    losses = []
    for _ in range(steps):
        batch = training.forward_backward([DATUM], "cross_entropy")
        step = training.optim_step(types.AdamParams(learning_rate=1e-3))
        losses.append(batch.result().metrics["loss:sum"])
        step.result()
    return losses


@pytest.mark.tinker_mock(settings={})  # a server of its own, since all who share one would lose it
def test_a_server_that_dies_before_the_step_harms_nothing(tinker_mock):
    undisturbed = train(steps=4)
    death = tinker_mock.inject("restart", operation="optim_step", occurrence=2, phase="in_state")
    assert train(steps=4) == undisturbed
    assert death.struck == 1
    assert [run.optimizer_steps for run in tinker_mock.admin.runs()] == [4, 4]


def test_a_step_whose_answer_is_lost_is_taken_once(tinker_mock):
    tinker_mock.inject("reset", operation="optim_step", occurrence=2, phase="after_commit")
    losses = train(steps=4)
    assert losses == sorted(losses, reverse=True)
    assert tinker_mock.admin.run().optimizer_steps == 4
    tinker_mock.journal.verify({"operation": "optim_step", "answered": "nothing", "count": 1})


@pytest.mark.tinker_mock(scenario="lost-response-doubles-step")
def test_an_incident_of_the_catalogue(tinker_mock):
    train(steps=4)
    tinker_mock.assert_kept()
