"""Property 2: every loss is its documented formula, and its gradient is exact.

Each formula is written here a second time, token by token, in float64. Where a loss stops the gradient at some value,
the reference takes that value from `held`, the logprobs at which the gradient is asked for.
"""

from collections.abc import Callable, Mapping
from math import exp

import numpy as np
import pytest
from numpy.typing import NDArray

from mock_server.toy_model import BaseModel, Datum, LoraConfig, TrainingState
from mock_server.toy_model.base_tables import base_tables
from mock_server.toy_model.context import BEFORE_THE_BEGINNING, CONTEXT, contexts, windows
from mock_server.toy_model.losses import LOSSES
from mock_server.toy_model.network import Network, Targets

Floats = NDArray[np.float64]
Config = Mapping[str, float]
Reference = Callable[[Floats, Floats, Mapping[str, Floats], Config], float]


def clip(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


def cross_entropy(p: Floats, _held: Floats, inputs: Mapping[str, Floats], _config: Config) -> float:
    weights = inputs.get("weights", np.ones_like(p))
    return float(sum(-p[t] * weights[t] for t in range(len(p))))


def importance_sampling(p: Floats, _held: Floats, inputs: Mapping[str, Floats], _config: Config) -> float:
    return float(sum(-exp(p[t] - inputs["logprobs"][t]) * inputs["advantages"][t] for t in range(len(p))))


def bounds(t: int, inputs: Mapping[str, Floats], config: Config) -> tuple[float, float]:
    low = inputs["clip_low_threshold"][t] if "clip_low_threshold" in inputs else config.get("clip_low_threshold", 0.8)
    high = (
        inputs["clip_high_threshold"][t] if "clip_high_threshold" in inputs else config.get("clip_high_threshold", 1.2)
    )
    return low, high


def ppo(p: Floats, _held: Floats, inputs: Mapping[str, Floats], config: Config) -> float:
    loss = 0.0
    for t in range(len(p)):
        ratio, advantage = exp(p[t] - inputs["logprobs"][t]), inputs["advantages"][t]
        loss -= min(ratio * advantage, clip(ratio, *bounds(t, inputs, config)) * advantage)
    return loss


def cispo(p: Floats, held: Floats, inputs: Mapping[str, Floats], config: Config) -> float:
    loss = 0.0
    for t in range(len(p)):
        weight = clip(exp(held[t] - inputs["logprobs"][t]), *bounds(t, inputs, config))
        loss -= weight * p[t] * inputs["advantages"][t]
    return loss


def dro(p: Floats, _held: Floats, inputs: Mapping[str, Floats], config: Config) -> float:
    beta = config.get("beta", 0.05)
    return float(
        sum(-(p[t] * inputs["advantages"][t] - 0.5 * beta * (p[t] - inputs["logprobs"][t]) ** 2) for t in range(len(p)))
    )


def gspo(p: Floats, held: Floats, inputs: Mapping[str, Floats], config: Config) -> float:
    marked = [t for t in range(len(p)) if inputs["sequence_ratio_mask"][t] != 0]
    log_ratio = sum(held[t] - inputs["logprobs"][t] for t in marked) / len(marked) if marked else 0.0
    loss = 0.0
    for t in range(len(p)):
        ratio, advantage = exp(log_ratio + p[t] - held[t]), inputs["advantages"][t]
        loss -= min(ratio * advantage, clip(ratio, *bounds(t, inputs, config)) * advantage)
    return loss


def stable_reinforce(p: Floats, held: Floats, inputs: Mapping[str, Floats], config: Config) -> float:
    loss = 0.0
    for t in range(len(p)):
        q = inputs["logprobs"][t]
        loss -= min(exp(held[t] - q), 1.0) * p[t] * inputs["advantages"][t]
        if q != 0:
            loss += 0.5 * config.get("kl_coeff", 0.01) * (p[t] - q) ** 2
    return loss


CASES: list[tuple[str, Reference, Config, tuple[str, ...]]] = [
    ("cross_entropy", cross_entropy, {}, ()),
    ("cross_entropy", cross_entropy, {}, ("weights",)),
    ("importance_sampling", importance_sampling, {}, ()),
    ("ppo", ppo, {}, ()),
    ("ppo", ppo, {"clip_low_threshold": 0.95, "clip_high_threshold": 1.01}, ()),
    ("ppo", ppo, {"clip_low_threshold": 0.0}, ("clip_low_threshold", "clip_high_threshold")),
    ("cispo", cispo, {}, ()),
    ("cispo", cispo, {"clip_high_threshold": 5.0}, ("clip_low_threshold",)),
    ("dro", dro, {}, ()),
    ("dro", dro, {"beta": 2.0}, ()),
    ("gspo", gspo, {}, ()),
    ("gspo", gspo, {"clip_low_threshold": 0.99, "clip_high_threshold": 1.001}, ()),
    ("stable_reinforce", stable_reinforce, {}, ()),
    ("stable_reinforce", stable_reinforce, {"kl_coeff": 0.5}, ()),
]


def identify(case: object) -> str:
    return str(case) if isinstance(case, str | dict | tuple) else ""


cases = pytest.mark.parametrize(("name", "reference", "config", "optional"), CASES, ids=identify)


def float64_run(base: BaseModel, rank: int = 3) -> TrainingState:
    """A run in float64 whose B is not zero, so that A has a gradient too."""
    state = TrainingState.fresh(base, LoraConfig(rank=rank, seed=1))
    state.parameters = state.parameters.astype(np.float64)
    state.parameters += np.random.default_rng(0).normal(0, 2e-3, state.parameters.size)
    return state


def logprobs_of(state: TrainingState, datum: Datum, parameters: Floats) -> Floats:
    """[N] or [N, K] target logprobs in full precision, at some parameters."""
    network = Network(base_tables(state.base), state.shape, state.shape.matrices(parameters))
    padded = np.concatenate((np.full(CONTEXT - 1, BEFORE_THE_BEGINNING), datum.tokens))
    seen = contexts(windows(padded, np.arange(len(datum.tokens)) + CONTEXT - 1), np.dtype(np.float64))
    ids = datum.inputs["target_tokens"]
    if ids.ndim == 1:
        return network.forward(seen, Targets.one_each(ids, network.tables.width)).logprobs
    columns = [
        network.forward(seen, Targets.one_each(ids[:, k], network.tables.width)).logprobs for k in range(ids.shape[1])
    ]
    return np.stack(columns, axis=1)


def data_for(state: TrainingState, name: str, optional: tuple[str, ...]) -> list[Datum]:
    """Three data of different lengths; prompts in the first, drifted sampler logprobs, advantages of both signs."""
    rng, loss, data = np.random.default_rng(5), LOSSES[name], []
    for length in (9, 1, 6):
        ids = rng.integers(0, state.base.vocab_size, length + 1)
        plain = Datum(ids[:-1], {"target_tokens": ids[1:]})
        everything = {
            "logprobs": logprobs_of(state, plain, state.parameters) + rng.normal(0, 0.25, length),
            "advantages": rng.normal(0, 1, length),
            "sequence_ratio_mask": (rng.random(length) < 0.7).astype(np.float64),
            "weights": rng.normal(0, 1, length),
            "clip_low_threshold": rng.uniform(0.7, 1.0, length),
            "clip_high_threshold": rng.uniform(1.0, 1.3, length),
        }
        inputs = {key: everything[key] for key in (*loss.required, *optional)}
        if length == 9:
            for key, value in inputs.items():
                value[:3] = key.startswith("clip")  # a prompt, padded with zeros as RL programs pad it
        data.append(Datum(plain.tokens, {**plain.inputs, **inputs}))
    return data


@cases
def test_the_loss_is_its_formula_summed_over_tokens(
    tiny: BaseModel, name: str, reference: Reference, config: Config, optional: tuple[str, ...]
) -> None:
    state = float64_run(tiny)
    data = data_for(state, name, optional)

    metrics = state.forward_backward(data, name, config).metrics

    expected = 0.0
    for datum in data:
        p = logprobs_of(state, datum, state.parameters)
        expected += reference(p, p, datum.inputs, config)
    assert metrics["loss:sum"] == pytest.approx(expected, rel=1e-12)
    assert metrics["tokens:sum"] == 16


@cases
def test_the_gradient_agrees_with_finite_differences(
    tiny: BaseModel, name: str, reference: Reference, config: Config, optional: tuple[str, ...]
) -> None:
    state = float64_run(tiny)
    data = data_for(state, name, optional)
    held = [logprobs_of(state, datum, state.parameters) for datum in data]

    def loss(parameters: Floats) -> float:
        return sum(
            reference(logprobs_of(state, datum, parameters), fixed, datum.inputs, config)
            for datum, fixed in zip(data, held, strict=True)
        )

    state.forward_backward(data, name, config)

    assert state.gradient is not None
    assert_gradient(loss, state.parameters, state.gradient)


def assert_gradient(loss: Callable[[Floats], float], at: Floats, gradient: Floats) -> None:
    """Along random directions and along single coordinates, to 1e-6 of the gradient's size."""
    rng, step = np.random.default_rng(2), 1e-7
    directions = [rng.normal(0, 1, at.size) / at.size**0.5 for _ in range(5)]
    directions += list(np.eye(at.size)[rng.choice(at.size, 25, replace=False)])
    scale = np.abs(gradient).max()
    assert scale > 0
    for direction in directions:
        slope = (loss(at + step * direction) - loss(at - step * direction)) / (2 * step)
        assert slope == pytest.approx(float(gradient @ direction), abs=1e-6 * scale)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_many_targets_a_position_have_an_exact_gradient(tiny: BaseModel, k: int) -> None:
    state, rng = float64_run(tiny), np.random.default_rng(3)
    ids = rng.integers(0, tiny.vocab_size, (7, k))
    if k == 5:
        ids[2] = ids[2, 0]  # the same id five times
        ids[:, 3] = 0  # as a sparse tensor pads: id 0, weight 0
    datum = Datum(rng.integers(0, 50, 7), {"target_tokens": ids, "weights": rng.normal(0, 1, (7, k))})
    one = Datum(rng.integers(0, 50, 4), {"target_tokens": rng.integers(0, 50, 4)})

    def loss(parameters: Floats) -> float:
        many = float((-logprobs_of(state, datum, parameters) * datum.inputs["weights"]).sum())
        return many - float(logprobs_of(state, one, parameters).sum())

    result = state.forward_backward([datum, one], "cross_entropy", {})

    assert result.metrics["loss:sum"] == pytest.approx(loss(state.parameters), rel=1e-12)
    assert [output["logprobs"].shape for output in result.outputs] == [(7, k), (4,)]
    np.testing.assert_allclose(result.outputs[0]["logprobs"], logprobs_of(state, datum, state.parameters), rtol=1e-6)
    assert state.gradient is not None
    assert_gradient(loss, state.parameters, state.gradient)


def test_a_switched_off_module_kind_has_no_gradient(tiny: BaseModel) -> None:
    lora = LoraConfig(rank=2, train_mlp=False)
    state = TrainingState.fresh(tiny, lora)
    matrices = state.shape.matrices(state.parameters)
    off = ~(matrices.class_a != 0).any(axis=1)
    assert off.sum() == 48

    from mock_server.toy_model import AdamParams

    for _ in range(3):
        state.forward_backward([Datum(np.arange(9), {"target_tokens": np.arange(1, 10)})], "cross_entropy", {})
        state.optim_step(AdamParams(learning_rate=1e-2, weight_decay=0.1))

    after = state.shape.matrices(state.parameters)
    assert not after.class_a[off].any()
    assert not after.token_a[off].any()
    assert (after.class_a[~off] != matrices.class_a[~off]).any()


def test_each_switch_switches_something_of_its_own(tiny: BaseModel) -> None:
    every = [
        TrainingState.fresh(tiny, LoraConfig(rank=2, train_mlp=m, train_attn=a, train_unembed=u)).parameters.tobytes()
        for m in (True, False)
        for a in (True, False)
        for u in (True, False)
    ]
    assert len(set(every)) == 8


def test_cross_entropy_is_linear_in_signed_weights(tiny: BaseModel) -> None:
    rng = np.random.default_rng(0)
    ids, w1, w2 = rng.integers(0, 50, 13), rng.normal(0, 1, 12), rng.normal(0, 1, 12)

    def gradient(weights: Floats) -> Floats:
        state = float64_run(tiny)
        datum = Datum(ids[:-1], {"target_tokens": ids[1:], "weights": weights})
        state.forward_backward([datum], "cross_entropy", {})
        assert state.gradient is not None
        return state.gradient

    np.testing.assert_allclose(gradient(2 * w1 - 3 * w2), 2 * gradient(w1) - 3 * gradient(w2), atol=1e-9)


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "cross_entropy"])
def test_wild_sampler_logprobs_keep_every_number_finite(tiny: BaseModel, name: str) -> None:
    state = TrainingState.fresh(tiny, LoraConfig(rank=2))
    ids = np.arange(4)
    inputs = {
        "target_tokens": ids + 1,
        "logprobs": np.array([-1e6, 1e6, -200.0, 0.0]),
        "advantages": np.array([1.0, -1.0, 5.0, 0.0]),
    }
    if "sequence_ratio_mask" in LOSSES[name].required:
        inputs["sequence_ratio_mask"] = np.ones(4)

    metrics = state.forward_backward([Datum(ids, inputs)], name, {}).metrics

    assert all(np.isfinite(value) for value in metrics.values())
    assert state.gradient is not None
    assert np.isfinite(state.gradient).all()


@pytest.mark.parametrize("name", LOSSES)
def test_metric_names_have_exactly_one_colon(tiny: BaseModel, name: str) -> None:
    state = float64_run(tiny)

    metrics = state.forward_backward(data_for(state, name, ()), name, {}, forward_only=True).metrics

    assert "loss:sum" in metrics
    assert all(key.count(":") == 1 and key.endswith(":sum") for key in metrics)


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_cut_in_chunks_is_the_same_batch(tiny: BaseModel, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from mock_server.toy_model import training

    def outcome(chunk: int) -> tuple[float, Floats]:
        monkeypatch.setattr(training, "CHUNK", chunk)
        state = float64_run(tiny)
        metrics = state.forward_backward(data_for(state, name, ()), name, {}).metrics
        assert state.gradient is not None
        return metrics["loss:sum"], state.gradient

    loss, gradient = outcome(1000)
    for chunk in (1, 2, 5):
        chunked_loss, chunked_gradient = outcome(chunk)
        assert chunked_loss == pytest.approx(loss, rel=1e-12)
        np.testing.assert_allclose(chunked_gradient, gradient, atol=1e-9)


def test_many_targets_cut_in_chunks_are_the_same(tiny: BaseModel, monkeypatch: pytest.MonkeyPatch) -> None:
    from mock_server.toy_model import training

    rng = np.random.default_rng(4)
    data = [
        Datum(rng.integers(0, 50, n), {"target_tokens": rng.integers(0, 50, shape)})
        for n, shape in ((5, (5, 3)), (2, (2,)), (3, (3, 0)), (0, (0, 4)), (4, (4, 7)))
    ]

    def outcome(chunk: int) -> tuple[list[tuple[int, ...]], Floats]:
        monkeypatch.setattr(training, "CHUNK", chunk)
        state = float64_run(tiny)
        outputs = state.forward_backward(data, "cross_entropy", {}).outputs
        assert state.gradient is not None
        return [output["logprobs"].shape for output in outputs], state.gradient

    shapes, gradient = outcome(1000)
    assert shapes == [(5, 3), (2,), (3, 0), (0, 4), (4, 7)]
    for chunk in (1, 4, 9):
        assert outcome(chunk)[0] == shapes
        np.testing.assert_allclose(outcome(chunk)[1], gradient, atol=1e-9)
