"""Property 1: the model is a true distribution, the same one wherever it is looked at."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_server.toy_model import BaseModel, Datum, LoraConfig, SampleResult, TrainingState, Weights
from mock_server.toy_model.values import STAND_INS_FROM, Array

Train = Callable[[BaseModel], TrainingState]


def all_logprobs(state: TrainingState, context: list[int]) -> Array:
    """Log p of every id of the vocabulary after a context, through forward with [1, V] targets."""
    everything = np.arange(state.base.vocab_size)[None, :].repeat(len(context), 0)
    outputs = state.forward_backward(
        [Datum(np.array(context), {"target_tokens": everything})], "cross_entropy", {}, forward_only=True
    ).outputs
    logprobs: Array = outputs[0]["logprobs"][-1]
    return logprobs


@pytest.mark.parametrize("context", [[0], [3, 1, 4, 1, 5], [49] * 20])
def test_the_probabilities_of_the_whole_vocabulary_sum_to_one(
    base: BaseModel, trained: Train, context: list[int]
) -> None:
    logprobs = all_logprobs(trained(base), context).astype(np.float64)

    assert len(logprobs) == base.vocab_size
    assert np.exp(logprobs).sum() == pytest.approx(1, abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    vocab_size=st.integers(1, 700),
    prior_size=st.none() | st.integers(1, 700),
    context=st.lists(st.just(0) | st.integers(STAND_INS_FROM, 2**63 - 1), min_size=1, max_size=20),
)
def test_any_vocabulary_is_normalised_after_any_context(
    vocab_size: int, prior_size: int | None, context: list[int]
) -> None:
    state = TrainingState.fresh(BaseModel("any", vocab_size, prior_size), LoraConfig(rank=2))

    assert np.exp(all_logprobs(state, context).astype(np.float64)).sum() == pytest.approx(1, abs=1e-5)


def test_every_id_of_the_real_vocabulary_is_a_valid_target(served: BaseModel, sequence: Callable[..., Datum]) -> None:
    state = TrainingState.fresh(served, LoraConfig())

    result = state.forward_backward([sequence([0, 267, 268, 99_999, 151_935])], "cross_entropy", {})

    known, *unknown = result.outputs[0]["logprobs"].tolist()
    assert known > -12
    assert all(-34 < logprob < -26 for logprob in unknown)  # about -30 nats until trained


def test_a_served_tokenizer_confines_what_is_sampled(served: BaseModel, sample: Callable[..., SampleResult]) -> None:
    for temperature in (0.5, 1.0, 2.0, 5.0):
        result = sample(Weights.of_base(served), [1, 2], num_samples=64, max_tokens=8, temperature=temperature)

        assert max(int(s.tokens.max()) for s in result.sequences) < 268


def test_an_id_outside_the_served_tokenizer_is_sampled_once_trained(
    served: BaseModel, sequence: Callable[..., Datum], sample: Callable[..., SampleResult]
) -> None:
    from mock_server.toy_model import AdamParams

    state = TrainingState.fresh(served, LoraConfig())
    for _ in range(60):
        state.forward_backward([sequence([5, 140_000])], "cross_entropy", {})
        state.optim_step(AdamParams(learning_rate=1e-3))

    for temperature in (0.0, 1.0, 1.5):
        result = sample(state.weights(), [5], max_tokens=1, temperature=temperature)
        assert result.sequences[0].tokens.tolist() == [140_000]


def test_forward_and_sampler_agree_on_every_logprob(
    base: BaseModel, trained: Train, sequence: Callable[..., Datum], sample: Callable[..., SampleResult]
) -> None:
    state = trained(base)
    prompt = [3, 1, 4, 1, 5, 9, 2, 6]

    sampled = sample(state.weights(), prompt, max_tokens=40).sequences[0]

    text = [*prompt, *sampled.tokens.tolist()]
    forward = state.forward_backward([sequence(text)], "cross_entropy", {}, forward_only=True).outputs[0]["logprobs"]
    computed = sample(state.weights(), text, max_tokens=1, prompt_logprobs=True).prompt_logprobs
    assert computed is not None
    np.testing.assert_allclose(sampled.logprobs, forward[len(prompt) - 1 :], atol=1e-5)
    np.testing.assert_allclose(computed[1:], forward, atol=1e-5)
    assert np.isnan(computed[0])


def test_agreement_survives_training_to_extremes(
    qwen: BaseModel, rng: np.random.Generator, sequence: Callable[..., Datum], sample: Callable[..., SampleResult]
) -> None:
    from mock_server.toy_model import AdamParams

    state = TrainingState.fresh(qwen, LoraConfig())
    texts = [rng.integers(0, 150_000, 60) for _ in range(4)]
    for _ in range(100):
        state.forward_backward([sequence(text) for text in texts], "cross_entropy", {})
        state.optim_step(AdamParams(learning_rate=2e-3))

    sampled = sample(state.weights(), texts[0][:20], max_tokens=60).sequences[0]
    text = [*texts[0][:20], *sampled.tokens]
    forward = state.forward_backward([sequence(text)], "cross_entropy", {}, forward_only=True).outputs[0]["logprobs"]
    np.testing.assert_allclose(sampled.logprobs, forward[19:], atol=1e-5)


@pytest.mark.parametrize("rank", [1, 8, 32, 128])
def test_a_fresh_lora_is_the_base_model_to_the_last_bit(
    base: BaseModel, rank: int, sample: Callable[..., SampleResult]
) -> None:
    fresh = TrainingState.fresh(base, LoraConfig(rank=rank, seed=rank)).weights()
    questions = {"max_tokens": 8, "num_samples": 3, "prompt_logprobs": True, "temperature": 0.7}

    ours = sample(fresh, [1, 2, 3], **questions)
    theirs = sample(Weights.of_base(base), [1, 2, 3], **questions)

    assert ours.prompt_logprobs is not None
    assert theirs.prompt_logprobs is not None
    assert ours.prompt_logprobs.tobytes() == theirs.prompt_logprobs.tobytes()
    for a, b in zip(ours.sequences, theirs.sequences, strict=True):
        assert a.tokens.tolist() == b.tokens.tolist()
        assert a.logprobs.tobytes() == b.logprobs.tobytes()


def test_end_of_text_has_about_five_percent_of_each_token(qwen: BaseModel, served: BaseModel) -> None:
    for base in (qwen, served):
        state = TrainingState.fresh(base, LoraConfig(rank=1))
        contexts = np.random.default_rng(0).integers(0, 250, (300, 4))
        data = [Datum(c, {"target_tokens": np.tile(np.array(base.end_of_text), (4, 1))}) for c in contexts]
        outputs = state.forward_backward(data, "cross_entropy", {}, forward_only=True).outputs
        share = np.mean([np.exp(output["logprobs"][-1]).sum() for output in outputs])
        assert 0.03 < share < 0.09


def test_low_ids_are_likelier(qwen: BaseModel) -> None:
    logprobs = all_logprobs(TrainingState.fresh(qwen, LoraConfig(rank=1)), [11])

    thousands = [np.exp(logprobs[start : start + 1000]).sum() for start in (0, 10_000, 100_000)]
    assert thousands[0] > thousands[1] > thousands[2]


def test_models_of_different_names_give_different_numbers(sequence: Callable[..., Datum]) -> None:
    def logprobs(name: str) -> list[float]:
        state = TrainingState.fresh(BaseModel(name, 1000), LoraConfig())
        result = state.forward_backward([sequence(range(10))], "cross_entropy", {}, forward_only=True)
        values: list[float] = result.outputs[0]["logprobs"].tolist()
        return values

    assert logprobs("a") != logprobs("b")


def test_an_image_position_is_context_like_any_other(qwen: BaseModel) -> None:
    state = TrainingState.fresh(qwen, LoraConfig())

    def logprob(stand_in: int) -> float:
        datum = Datum(np.array([stand_in, 5]), {"target_tokens": np.array([5, 6])})
        return float(state.forward_backward([datum], "cross_entropy", {}).outputs[0]["logprobs"][1])

    assert logprob(-8_123_456_789_012_345_678) != logprob(7_123_456_789_012_345_678)
