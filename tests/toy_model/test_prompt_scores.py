"""What can be asked about a prompt."""

from collections.abc import Callable

import numpy as np
import pytest

from mock_server.toy_model import BaseModel, Datum, SampleResult, TrainingState, Weights
from mock_server.toy_model.values import Array

Sample = Callable[..., SampleResult]
Train = Callable[[BaseModel], TrainingState]


def table(state: TrainingState, prompt: Array) -> Array:
    """Log p of every id at each prompt position after the first: [n - 1, V]."""
    targets = np.tile(np.arange(state.base.vocab_size), (len(prompt) - 1, 1))
    datum = Datum(prompt[:-1], {"target_tokens": targets})
    logprobs: Array = state.forward_backward([datum], "cross_entropy", {}, forward_only=True).outputs[0]["logprobs"]
    return logprobs


def test_only_the_last_n_are_scored_when_asked(tiny: BaseModel, sample: Sample) -> None:
    weights, prompt = Weights.of_base(tiny), np.arange(20)

    whole = sample(weights, prompt, max_tokens=1, prompt_logprobs=True, topk_prompt_logprobs=2)
    last = sample(weights, prompt, max_tokens=1, prompt_logprobs=True, topk_prompt_logprobs=2, prompt_logprobs_last_n=5)

    assert whole.prompt_logprobs is not None
    assert last.prompt_logprobs is not None
    assert last.topk_prompt is not None
    assert np.isnan(whole.prompt_logprobs).tolist() == [True] + [False] * 19
    assert np.isnan(last.prompt_logprobs).tolist() == [True] * 15 + [False] * 5
    np.testing.assert_allclose(last.prompt_logprobs[15:], whole.prompt_logprobs[15:], atol=1e-5)
    assert (last.topk_prompt[1][:15] == -99999.0).all()
    assert (last.topk_prompt[1][15:] > -99).all()


def test_the_best_tokens_of_each_position_are_ranked(base: BaseModel, trained: Train, sample: Sample) -> None:
    state, prompt = trained(base), np.array([3, 1, 4, 1])

    result = sample(state.weights(), prompt, max_tokens=1, topk_prompt_logprobs=7)

    assert result.prompt_logprobs is None
    assert result.topk_prompt is not None
    ids, logprobs = result.topk_prompt
    assert ids.shape == logprobs.shape == (4, 7)
    assert (str(ids.dtype), str(logprobs.dtype)) == ("int32", "float32")
    assert ids[0].tolist() == [0] * 7
    assert logprobs[0].tolist() == [-99999.0] * 7
    for row, expected in enumerate(table(state, prompt), start=1):
        assert ids[row].tolist() == np.argsort(-expected)[:7].tolist()
        np.testing.assert_allclose(logprobs[row], np.sort(expected)[::-1][:7], atol=1e-5)


def test_target_ids_are_scored_and_absent_cells_are_zero(base: BaseModel, trained: Train, sample: Sample) -> None:
    state, prompt, rng = trained(base), np.array([3, 1, 4, 1, 5, 9]), np.random.default_rng(0)
    wanted = rng.integers(0, base.vocab_size, (5, 4))
    wanted[rng.random((5, 4)) < 0.4] = -1
    wanted[2] = -1

    scores = sample(state.weights(), prompt, max_tokens=1, target_prompt_logprobs=wanted).target_prompt_logprobs

    assert scores is not None
    assert scores.shape == wanted.shape
    expected = np.where(wanted >= 0, np.take_along_axis(table(state, prompt), np.maximum(wanted, 0), axis=1), 0)
    np.testing.assert_allclose(scores, expected, atol=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 0.5, 0.0])
def test_alternatives_are_drawn_at_the_temperature_and_scored_at_one(
    tiny: BaseModel, trained: Train, sample: Sample, temperature: float
) -> None:
    state, prompt, k = trained(tiny), np.array([3, 1, 4]), 1500

    alternatives = sample(
        state.weights(), prompt, max_tokens=1, prompt_alt_tokens_k=k, temperature=temperature, top_k=1
    ).prompt_alt_tokens

    assert alternatives is not None
    ids, logprobs = alternatives
    assert ids.shape == logprobs.shape == (2, k)
    assert (str(ids.dtype), str(logprobs.dtype)) == ("int64", "float32")
    for row, expected in enumerate(table(state, prompt)):
        np.testing.assert_allclose(logprobs[row], expected[ids[row]], atol=1e-5)
        observed = np.bincount(ids[row], minlength=50) / k
        if temperature == 0:
            assert observed[expected.argmax()] == 1
        else:
            chances = np.exp(expected.astype(np.float64) / temperature)
            assert np.abs(observed - chances / chances.sum()).max() < 0.06


def test_stand_ins_in_the_prompt_are_context_without_a_logprob(tiny: BaseModel, sample: Sample) -> None:
    prompt = np.array([1, -(2**62), 10**18, 2])

    scores = sample(Weights.of_base(tiny), prompt, max_tokens=1, prompt_logprobs=True).prompt_logprobs

    assert scores is not None
    assert np.isnan(scores).tolist() == [True, True, True, False]


def test_a_long_prompt_is_scored_like_a_short_one(tiny: BaseModel, sample: Sample) -> None:
    prompt = np.random.default_rng(0).integers(0, 50, 1500)  # more than one piece

    scores = sample(Weights.of_base(tiny), prompt, max_tokens=1, prompt_logprobs=True).prompt_logprobs
    tail = sample(Weights.of_base(tiny), prompt[-40:], max_tokens=1, prompt_logprobs=True).prompt_logprobs

    assert scores is not None
    assert tail is not None
    np.testing.assert_allclose(scores[-24:], tail[-24:], atol=1e-5)  # the first 16 see less of the past
