"""Properties 4, 5 and 6: a state is all of a run, operations count once, and the same ones give the same bits."""

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from mock_server.toy_model import (
    AdamParams,
    BaseModel,
    DamagedState,
    Datum,
    DimuonParams,
    InvalidInput,
    LoraConfig,
    SampleResult,
    TrainingState,
    Weights,
)
from mock_server.toy_model.values import Array

Make = Callable[..., Datum]
Train = Callable[[BaseModel], TrainingState]


def advance(state: TrainingState, data: list[Datum]) -> None:
    state.forward_backward(data, "cross_entropy", {})
    if state.optimizer_name == "dimuon":
        state.optim_step(DimuonParams(learning_rate=1e-3))
    else:
        state.optim_step(AdamParams(learning_rate=1e-3, weight_decay=0.01, grad_clip_norm=5.0))


@pytest.mark.parametrize("optimizer", ["adamw", "dimuon"])
def test_a_restored_run_goes_on_as_if_never_interrupted(base: BaseModel, sequence: Make, optimizer: str) -> None:
    data = [sequence(range(20))]
    state = TrainingState.fresh(base, LoraConfig(rank=4), optimizer)
    for _ in range(3):
        advance(state, data)

    restored = TrainingState.load(state.dump(gradients=False))
    for run in (state, restored):
        for _ in range(2):
            advance(run, data)

    assert restored.parameters.tobytes() == state.parameters.tobytes()
    assert restored.optimizer_steps == state.optimizer_steps == 5
    assert restored.dump(gradients=True) == state.dump(gradients=True)


def test_accumulated_gradients_are_part_of_the_state_when_asked_for(tiny: BaseModel, sequence: Make) -> None:
    state = TrainingState.fresh(tiny, LoraConfig(rank=2))
    state.forward_backward([sequence(range(10))], "cross_entropy", {})

    whole = TrainingState.load(state.dump(gradients=True))
    without = TrainingState.load(state.dump(gradients=False))

    assert whole.has_gradients
    assert not without.has_gradients
    state.optim_step(AdamParams())
    whole.optim_step(AdamParams())
    assert whole.dump(gradients=True) == state.dump(gradients=True)


def test_a_load_without_optimizer_resets_the_moments_and_shows(tiny: BaseModel, sequence: Make, trained: Train) -> None:
    state = trained(tiny)

    fresh = TrainingState.load(state.dump(gradients=True), optimizer=False)

    assert fresh.parameters.tobytes() == state.parameters.tobytes()
    assert fresh.optimizer_steps == 0
    assert not fresh.has_gradients
    assert not any(moment.any() for moment in fresh.optimizer.moments.values())
    advance(state, [sequence(range(10))])
    advance(fresh, [sequence(range(10))])
    assert not np.allclose(fresh.parameters, state.parameters, atol=1e-5)


def test_everything_about_the_run_survives(served: BaseModel) -> None:
    lora = LoraConfig(rank=3, seed=-5, train_mlp=False, train_unembed=False)
    restored = TrainingState.load(TrainingState.fresh(served, lora, "dimuon").dump(gradients=True))

    assert restored.base == served
    assert restored.lora == lora
    assert restored.optimizer_name == "dimuon"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["forward_backward", "forward", "optim_step", "save and load"]), max_size=12))
def test_saving_and_loading_between_any_operations_changes_nothing(operations: list[str]) -> None:
    data = [Datum(np.arange(8), {"target_tokens": np.arange(1, 9)})]
    plain, interrupted = (TrainingState.fresh(BaseModel("m", 30), LoraConfig(rank=2)) for _ in range(2))
    for operation in operations:
        if operation == "save and load":
            interrupted = TrainingState.load(interrupted.dump(gradients=True))
            continue
        for state in (plain, interrupted):
            if operation == "optim_step":
                state.optim_step(AdamParams(learning_rate=1e-3))
            else:
                state.forward_backward(data, "cross_entropy", {}, forward_only=operation == "forward")

    assert interrupted.dump(gradients=True) == plain.dump(gradients=True)


def test_a_sampler_keeps_the_weights_of_its_save(
    tiny: BaseModel, sequence: Make, trained: Train, sample: Callable[..., SampleResult]
) -> None:
    state = trained(tiny)
    weights, stored = state.weights(), state.dump(gradients=False)
    before = sample(weights, [1, 2], max_tokens=10).sequences[0]

    for _ in range(5):
        advance(state, [sequence(range(20))])

    for kept in (weights, Weights.load(stored)):
        after = sample(kept, [1, 2], max_tokens=10).sequences[0]
        assert after.tokens.tolist() == before.tokens.tolist()
        assert after.logprobs.tobytes() == before.logprobs.tobytes()
    moved = sample(state.weights(), [1, 2], max_tokens=10).sequences[0]
    assert moved.logprobs.tobytes() != before.logprobs.tobytes()


@pytest.mark.parametrize("doubled", ["forward_backward", "optim_step"])
def test_an_operation_applied_twice_shows_in_the_numbers(tiny: BaseModel, sequence: Make, doubled: str) -> None:
    def run(*, twice: bool) -> list[float]:
        state = TrainingState.fresh(tiny, LoraConfig(rank=4))
        for step in range(3):
            # Adam is blind to a gradient that is doubled from the first step on, so the middle one is doubled.
            repeat = 2 if twice and step == 1 else 1
            for _ in range(repeat if doubled == "forward_backward" else 1):
                state.forward_backward([sequence([step, *range(10)])], "cross_entropy", {})
            state.optim_step(AdamParams(learning_rate=1e-3))
            if repeat == 2 and doubled == "optim_step":
                state.forward_backward([sequence([step, *range(10)])], "cross_entropy", {})
                state.optim_step(AdamParams(learning_rate=1e-3))
        result = state.forward_backward([sequence(range(12))], "cross_entropy", {}, forward_only=True)
        logprobs: list[float] = result.outputs[0]["logprobs"].tolist()
        return logprobs

    assert not np.allclose(run(twice=True), run(twice=False), atol=1e-4)


def test_gradients_accumulate_until_the_step_and_are_cleared_by_it(tiny: BaseModel, sequence: Make) -> None:
    a, b = [sequence(range(10))], [sequence(range(20, 40))]
    apart, together = (TrainingState.fresh(tiny, LoraConfig(rank=2)) for _ in range(2))
    apart.forward_backward(a, "cross_entropy", {})
    apart.forward_backward(b, "cross_entropy", {})
    together.forward_backward(a + b, "cross_entropy", {})
    assert apart.gradient is not None
    assert together.gradient is not None
    np.testing.assert_allclose(apart.gradient, together.gradient, rtol=1e-3, atol=1e-3)

    apart.optim_step(AdamParams())

    assert not apart.has_gradients


def test_a_forward_leaves_no_trace(tiny: BaseModel, sequence: Make, trained: Train) -> None:
    state = trained(tiny)
    before = state.dump(gradients=True)

    state.forward_backward([sequence(range(10))], "cross_entropy", {}, forward_only=True)

    assert state.dump(gradients=True) == before


def test_a_refused_batch_leaves_no_trace(tiny: BaseModel, sequence: Make, trained: Train) -> None:
    state = trained(tiny)
    state.forward_backward([sequence(range(5))], "cross_entropy", {})
    before = state.dump(gradients=True)

    for bad in (
        [sequence(range(10)), sequence([1, 60])],
        [sequence(range(4), weights=[1e38, 1e38, 1e38])],
    ):
        with pytest.raises(InvalidInput):
            state.forward_backward(bad, "cross_entropy", {})

    assert state.dump(gradients=True) == before


def test_a_step_without_gradients_only_counts(tiny: BaseModel, trained: Train) -> None:
    state = trained(tiny)
    parameters, steps = state.parameters.tobytes(), state.optimizer_steps
    moments = {name: moment.tobytes() for name, moment in state.optimizer.moments.items()}

    metrics = state.optim_step(AdamParams(learning_rate=0.1, weight_decay=0.1))

    assert state.parameters.tobytes() == parameters
    assert {name: moment.tobytes() for name, moment in state.optimizer.moments.items()} == moments
    assert state.optimizer_steps == steps + 1
    assert metrics == {"grad_norm": 0.0, "update_norm": 0.0}


def test_no_data_is_no_gradient(tiny: BaseModel) -> None:
    state = TrainingState.fresh(tiny, LoraConfig(rank=2))
    nothing = Datum(np.empty(0, np.int64), {"target_tokens": np.empty(0, np.int64)})
    for data in ([], [nothing], [nothing, nothing]):
        result = state.forward_backward(data, "cross_entropy", {})
        assert result.metrics["loss:sum"] == 0
        assert [output["logprobs"].shape for output in result.outputs] == [(0,)] * len(data)
    assert not state.has_gradients


SCRIPT = """
import hashlib, numpy as np
from mock_server.toy_model import *
state = TrainingState.fresh(BaseModel("Qwen/Qwen3-8B", 151936, 268, (257,)), LoraConfig(rank=8, seed=11))
data = [Datum(np.arange(40) * 5 % 260, {"target_tokens": np.arange(40) * 7 % 260})]
for _ in range(4):
    state.forward_backward(data, "cross_entropy", {})
    state.optim_step(AdamParams(learning_rate=1e-3))
decoder = Decoder(state.weights())
decoder.add(0, SampleRequest(prompt=np.arange(5), seed=3, max_tokens=20))
while not decoder.idle:
    for _, answer in decoder.step():
        sampled = answer.sequences[0]
print(hashlib.sha256(state.dump(gradients=True) + sampled.tokens.tobytes() + sampled.logprobs.tobytes()).hexdigest())
"""


def test_two_processes_compute_the_same_numbers() -> None:
    outputs = [
        subprocess.run([sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    ]

    assert outputs[0] == outputs[1] != ""


def test_the_lora_seed_decides_the_run(tiny: BaseModel, sequence: Make) -> None:
    def loss(seed: int) -> float:
        state = TrainingState.fresh(tiny, LoraConfig(rank=4, seed=seed))
        advance(state, [sequence(range(10))])
        return state.forward_backward([sequence(range(10))], "cross_entropy", {}).metrics["loss:sum"]

    assert loss(1) == loss(1)
    assert loss(1) != loss(2)


def test_damaged_bytes_are_named(tiny: BaseModel) -> None:
    good = TrainingState.fresh(tiny, LoraConfig(rank=2)).dump(gradients=False)
    tensors = load(good)
    header = json.loads(good[8 : 8 + int.from_bytes(good[:8], "little")])
    (name, description) = next(iter(header["__metadata__"].items()))

    def with_description(**changes: object) -> bytes:
        return save(tensors, {name: json.dumps({**json.loads(description), **changes})})

    def with_tensors(**changes: Array) -> bytes:
        return save({**tensors, **changes}, {name: description})

    weights = tensors["weights"]
    missing = save({key: tensor for key, tensor in tensors.items() if key != "first_moment"}, {name: description})
    cases: list[tuple[bytes, str]] = [
        (b"", "header"),
        (b"not safetensors at all", "header"),
        (good[:40], "header"),
        (good[:-4], "safetensors"),
        (save(tensors), "format None"),
        (save(tensors, {name: "{}}"}), "header"),
        (with_description(format="other"), "'other'"),
        (with_description(lora={"rang": 3}), "description"),
        (with_description(lora={"rank": 0}), "rank is 0"),
        (with_description(base=None), "description"),
        (with_description(optimizer="sgd"), "sgd"),
        (with_description(optimizer_steps="many"), "many"),
        (with_tensors(weights=weights[:-1].copy()), "weights"),
        (with_tensors(weights=weights.astype(np.float64)), "float64"),
        (with_tensors(second_moment=np.full_like(weights, np.nan)), "second_moment"),
        (missing, "first_moment"),
    ]
    for data, problem in cases:
        with pytest.raises(DamagedState, match=problem):
            TrainingState.load(data)
    with pytest.raises(DamagedState):
        Weights.load(b"")


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_damage_crashes_the_reader(data: st.DataObject) -> None:
    good = bytearray(TrainingState.fresh(BaseModel("m", 5), LoraConfig(rank=1)).dump(gradients=False))
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, 700))] = data.draw(st.integers(0, 255))
    with suppress(DamagedState):  # a flipped bit of a weight is no damage that can be seen
        TrainingState.load(bytes(good))
