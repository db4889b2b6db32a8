"""A custom loss in training: once per datum, summed, with any loss_fn_inputs, and the gradient of its own formula."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mock_server.toy_model import AdamParams, BaseModel, Datum, InvalidInput, LoraConfig, TrainingState
from mock_server.toy_model.custom_loss import Program, custom_loss
from mock_server.toy_model.training import CHUNK
from mock_server.toy_model.values import Array
from tests.toy_model.custom_loss.tracing import Symbol, call, written

Make = Callable[..., Datum]
Loss = tuple[Symbol, dict[str, Symbol]]


def likelihood(logprobs: Symbol, weights: Symbol) -> Loss:
    loss = -(logprobs * weights).method("sum")
    return loss, {"custom/nll:sum": loss, "custom/nll:mean": loss}


def clipped(logprobs: Symbol, sampled: Symbol, advantage: Symbol) -> Loss:
    ratio = call("torch.exp", logprobs - sampled)
    bounded = call("torch.clamp", ratio, 0.8, 1.2)
    return -call("torch.minimum", ratio * advantage, bounded * advantage).method("sum"), {}


def run(state: TrainingState, program: Program, data: list[Datum], **options: Any) -> Any:
    loss, targets = custom_loss(program, data)
    return state.forward_backward(targets, loss, **options)


@pytest.fixture
def state(tiny: BaseModel) -> TrainingState:
    return TrainingState.fresh(tiny, LoraConfig(rank=4, seed=3))


def tokens(rng: np.random.Generator, n: int) -> Array:
    return rng.integers(0, 50, n)


def test_written_cross_entropy_is_cross_entropy(
    tiny: BaseModel, state: TrainingState, rng: np.random.Generator, sequence: Make
) -> None:
    texts = [tokens(rng, n) for n in (5, CHUNK + 40, 2)]
    data = [sequence(text, weights=rng.normal(size=len(text) - 1).astype(np.float32)) for text in texts]
    other = TrainingState.fresh(tiny, LoraConfig(rank=4, seed=3))
    ours = run(state, written(likelihood, logprobs=1, weights=1), data)
    theirs = other.forward_backward(data, "cross_entropy")
    assert ours.metrics["loss:sum"] == pytest.approx(theirs.metrics["loss:sum"], rel=1e-6)
    assert ours.metrics["tokens:sum"] == theirs.metrics["tokens:sum"]
    assert ours.metrics["custom/nll:sum"] == ours.metrics["loss:sum"]
    assert ours.metrics["custom/nll:mean"] == pytest.approx(ours.metrics["loss:sum"] / 3)
    for mine, known in zip(ours.outputs, theirs.outputs, strict=True):
        assert np.array_equal(mine["logprobs"], known["logprobs"])
    for trained in (state, other):
        trained.optim_step(AdamParams(learning_rate=1e-2))
    np.testing.assert_allclose(state.parameters, other.parameters, rtol=1e-5, atol=1e-7)


def test_a_written_ppo_is_ppo(tiny: BaseModel, rng: np.random.Generator, sequence: Make) -> None:
    text = tokens(rng, 40)
    advantage, sampled = 0.7, -rng.uniform(1, 6, 39).astype(np.float32)
    program = written(clipped, logprobs=1, sampled=1, advantage=0)
    states = [TrainingState.fresh(tiny, LoraConfig(rank=4, seed=3)) for _ in range(2)]
    ours = run(states[0], program, [sequence(text, sampled=sampled, advantage=[advantage])])
    theirs = states[1].forward_backward(
        [sequence(text, logprobs=sampled, advantages=np.full(39, advantage, np.float32))], "ppo"
    )
    assert ours.metrics["loss:sum"] == pytest.approx(theirs.metrics["loss:sum"], rel=1e-5)
    assert states[0].gradient is not None
    assert states[1].gradient is not None
    np.testing.assert_allclose(states[0].gradient, states[1].gradient, rtol=1e-4, atol=1e-6)


def test_a_loss_over_several_targets_a_position_gets_them_as_a_matrix(
    state: TrainingState, rng: np.random.Generator
) -> None:
    def distilled(logprobs: Symbol, teacher: Symbol) -> Loss:
        return -(teacher * logprobs).method("sum", dim=-1).method("mean"), {}

    teacher = np.array([[0.25, 0.75], [0.5, 0.5], [1, 0]], np.float32)
    data = [Datum(tokens(rng, 3), {"target_tokens": rng.integers(0, 50, (3, 2)), "teacher": teacher})]
    result = run(state, written(distilled, logprobs=2, teacher=2), data)
    expected = -(teacher * result.outputs[0]["logprobs"]).sum(-1).mean()
    assert result.metrics["loss:sum"] == pytest.approx(float(expected), rel=1e-6)


def test_forward_only_computes_the_same_loss_and_leaves_no_gradient(
    state: TrainingState, rng: np.random.Generator, sequence: Make
) -> None:
    data = [sequence(tokens(rng, 9), weights=np.ones(8, np.float32))]
    program = written(likelihood, logprobs=1, weights=1)
    looked = run(state, program, data, forward_only=True)
    assert not state.has_gradients
    assert run(state, program, data).metrics == looked.metrics
    assert state.has_gradients


def test_inputs_that_the_loss_does_not_read_may_be_there(
    state: TrainingState, rng: np.random.Generator, sequence: Make
) -> None:
    program = written(likelihood, logprobs=1, weights=1)
    data = [sequence(tokens(rng, 4), weights=np.ones(3, np.float32), advantages=np.ones((7, 2)))]
    assert run(state, program, data).metrics["custom/nll:sum"] > 0


def test_no_data_is_no_loss(state: TrainingState) -> None:
    assert run(state, written(likelihood, logprobs=1, weights=1), []).metrics["loss:sum"] == 0


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "loss_fn_inputs.weights of datum 1 is missing: custom loss 'mine' takes it"),
        ({"weights": np.ones((3, 1))}, "loss_fn_inputs.weights of datum 1 has 2 dimensions.*declared weights with 1"),
        ({"weights": np.full(3, np.nan)}, "custom loss 'mine' on datum 1: the loss is nan: keep logarithms"),
        ({"weights": np.full(3, 1e39)}, "datum 1: the slope by the logprob of target 0 is -inf"),
    ],
)
def test_a_datum_that_does_not_fit_is_named_and_changes_nothing(
    state: TrainingState, rng: np.random.Generator, sequence: Make, inputs: dict[str, Array], message: str
) -> None:
    text = tokens(rng, 4)
    data = [sequence(text, weights=np.ones(3)), sequence(text, **inputs)]
    with pytest.raises(InvalidInput, match=message):
        run(state, written(likelihood, logprobs=1, weights=1), data)
    assert not state.has_gradients


def test_targets_of_another_rank_than_declared_are_refused(state: TrainingState, rng: np.random.Generator) -> None:
    data = [Datum(tokens(rng, 3), {"target_tokens": rng.integers(0, 50, (3, 2)), "weights": np.ones(3)})]
    with pytest.raises(InvalidInput, match=r"target_tokens of datum 0 has 2 dimensions.*declared logprobs with 1"):
        run(state, written(likelihood, logprobs=1, weights=1), data)


def test_a_metric_that_is_no_number_is_named(state: TrainingState, rng: np.random.Generator, sequence: Make) -> None:
    def loss(logprobs: Symbol) -> Loss:
        return logprobs.method("sum"), {"custom/far:mean": call("torch.log", logprobs).method("sum")}

    with pytest.raises(InvalidInput, match="on datum 0: the metric custom/far:mean is nan"):
        run(state, written(loss, logprobs=1), [sequence(tokens(rng, 4))])


def test_it_learns(state: TrainingState, rng: np.random.Generator, sequence: Make) -> None:
    program = written(likelihood, logprobs=1, weights=1)
    data = [sequence(tokens(rng, 20), weights=np.ones(19, np.float32))]
    losses = []
    for _ in range(20):
        losses.append(run(state, program, data).metrics["loss:sum"])
        state.optim_step(AdamParams(learning_rate=1e-3))
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.8 * losses[0]
