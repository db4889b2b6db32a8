"""An optimizer step is its textbook rule, with the values that the request carries."""

from collections.abc import Callable

import numpy as np
import pytest

from mock_server.toy_model import AdamParams, BaseModel, Datum, DimuonParams, InvalidInput, LoraConfig, TrainingState
from mock_server.toy_model.optimizers import norm_of
from mock_server.toy_model.values import Array

Make = Callable[..., Datum]


def stepped(base: BaseModel, gradients: list[Array], params: AdamParams) -> tuple[Array, Array]:
    """The parameters before and after a step for each gradient, in float64."""
    state = TrainingState.fresh(base, LoraConfig(rank=2))
    before = state.parameters.astype(np.float64)
    for gradient in gradients:
        state.gradient = gradient.astype(np.float32)
        state.optim_step(params)
    return before, state.parameters.astype(np.float64)


@pytest.mark.parametrize(
    "params",
    [
        AdamParams(),
        AdamParams(learning_rate=1e-3, beta1=0.5, beta2=0.999, eps=1e-8),
        AdamParams(learning_rate=1e-2, weight_decay=0.3),
        AdamParams(learning_rate=1e-3, grad_clip_norm=0.5),
        AdamParams(learning_rate=1e-3, grad_clip_norm=-1.0),
        AdamParams(learning_rate=1e-3, beta1=0.0, beta2=0.0),
    ],
    ids=str,
)
def test_adam_is_the_textbook_rule(tiny: BaseModel, params: AdamParams) -> None:
    size = TrainingState.fresh(tiny, LoraConfig(rank=2)).shape.size
    gradients = [np.random.default_rng(i).normal(0, 1, size) for i in range(4)]

    before, after = stepped(tiny, gradients, params)

    weights, first, second = before.copy(), np.zeros(size), np.zeros(size)
    for t, raw in enumerate(gradients, start=1):
        gradient, norm = raw, np.linalg.norm(raw)
        if 0 < params.grad_clip_norm < norm:
            gradient = raw * params.grad_clip_norm / norm
        first = params.beta1 * first + (1 - params.beta1) * gradient
        second = params.beta2 * second + (1 - params.beta2) * gradient**2
        unbiased = first / (1 - params.beta1**t), second / (1 - params.beta2**t)
        weights = (
            weights
            - params.learning_rate * params.weight_decay * weights
            - params.learning_rate * unbiased[0] / (np.sqrt(unbiased[1]) + params.eps)
        )
    np.testing.assert_allclose(after - before, weights - before, rtol=1e-3, atol=1e-3 * params.learning_rate)


def test_the_reported_norm_is_that_before_clipping(tiny: BaseModel) -> None:
    state = TrainingState.fresh(tiny, LoraConfig(rank=2))
    state.gradient = np.full(state.shape.size, 2.0, np.float32)

    metrics = state.optim_step(AdamParams(grad_clip_norm=0.1))

    assert metrics["grad_norm"] == pytest.approx(2 * state.shape.size**0.5, rel=1e-5)
    assert metrics["update_norm"] == pytest.approx(1e-4 * state.shape.size**0.5, rel=1e-2)


def test_a_dimuon_update_is_orthogonal(tiny: BaseModel) -> None:
    state = TrainingState.fresh(tiny, LoraConfig(rank=4), "dimuon")
    before = state.parameters
    state.gradient = np.random.default_rng(0).normal(0, 5, state.shape.size).astype(np.float32)

    state.optim_step(DimuonParams(learning_rate=1.0))

    for update in state.shape.matrices(before - state.parameters):
        singular = np.linalg.svd(update, compute_uv=False) / (0.2 * max(update.shape) ** 0.5)
        assert singular.min() > 0.5
        assert singular.max() < 1.4


def test_dimuon_keeps_momentum_and_clips(tiny: BaseModel) -> None:
    state = TrainingState.fresh(tiny, LoraConfig(rank=2), "dimuon")
    state.gradient = np.full(state.shape.size, 3.0, np.float32)

    state.optim_step(DimuonParams(learning_rate=1e-3, beta1=0.75, grad_clip_norm=1.0))

    assert norm_of(state.optimizer.moments["momentum"]) == pytest.approx(0.25, rel=1e-5)


@pytest.mark.parametrize("optimizer", ["adamw", "dimuon"])
def test_a_gradient_of_zeros_is_a_step_of_nothing(tiny: BaseModel, sequence: Make, optimizer: str) -> None:
    state = TrainingState.fresh(tiny, LoraConfig(rank=2), optimizer)
    state.forward_backward([sequence(range(5), weights=[0.0] * 4)], "cross_entropy", {})
    assert state.has_gradients
    before = state.parameters.tobytes()

    state.optim_step(AdamParams(eps=0.0) if optimizer == "adamw" else DimuonParams(learning_rate=1.0))

    assert state.parameters.tobytes() == before
    assert not state.has_gradients


def test_an_absurd_learning_rate_gives_a_bad_model_and_finite_numbers(tiny: BaseModel, sequence: Make) -> None:
    state = TrainingState.fresh(tiny, LoraConfig(rank=2))
    for rate in (1e30, 1e4, 1e-4):
        state.forward_backward([sequence(range(10))], "cross_entropy", {})
        assert np.isfinite(state.optim_step(AdamParams(learning_rate=rate))["update_norm"])

    result = state.forward_backward([sequence(range(10))], "cross_entropy", {}, forward_only=True)
    assert np.isfinite(result.outputs[0]["logprobs"]).all()
    TrainingState.load(state.dump(gradients=True))


@pytest.mark.parametrize("size", [1e-30, 1e-3, 1e30])
def test_norms_neither_overflow_nor_vanish(size: float) -> None:
    assert norm_of(np.full(4, size, np.float32)) == pytest.approx(2 * size, rel=1e-5)


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        (AdamParams(learning_rate=float("nan")), "learning_rate is nan: give a finite number"),
        (AdamParams(learning_rate=-1.0), "learning_rate is -1.0: give a number of at least 0"),
        (AdamParams(beta2=1.0), "beta2 is 1.0: give a number below 1"),
        (AdamParams(weight_decay=float("inf")), "weight_decay is inf"),
        (AdamParams(eps=-1e-3), "eps is -0.001"),
        (DimuonParams(learning_rate=1e-3), "dimuon parameters for a run created with adamw: give adam_params"),
    ],
)
def test_wrong_parameters_are_named_and_change_nothing(
    tiny: BaseModel, sequence: Make, params: AdamParams | DimuonParams, problem: str
) -> None:
    state = TrainingState.fresh(tiny, LoraConfig(rank=2))
    state.forward_backward([sequence(range(5))], "cross_entropy", {})
    before = state.dump(gradients=True)

    with pytest.raises(InvalidInput, match=problem):
        state.optim_step(params)

    assert state.dump(gradients=True) == before


def test_wrong_parameters_are_named_even_without_gradients(tiny: BaseModel) -> None:
    with pytest.raises(InvalidInput, match="learning_rate"):
        TrainingState.fresh(tiny, LoraConfig(rank=2)).optim_step(AdamParams(learning_rate=-1.0))
    with pytest.raises(InvalidInput, match="adam_params for a run created with dimuon"):
        TrainingState.fresh(tiny, LoraConfig(rank=2), "dimuon").optim_step(AdamParams())


def test_an_unknown_optimizer_is_named(tiny: BaseModel) -> None:
    with pytest.raises(InvalidInput, match="'sgd' is unknown: use one of adamw, dimuon"):
        TrainingState.fresh(tiny, LoraConfig(), "sgd")
