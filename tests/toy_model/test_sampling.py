"""What a sample request may ask, and that the answer is what it says."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from mock_server.toy_model import BaseModel, Datum, InvalidInput, LoraConfig, SampleResult, TrainingState, Weights
from mock_server.toy_model.values import Array

Sample = Callable[..., SampleResult]
Train = Callable[[BaseModel], TrainingState]
PROMPT = [3, 1, 4, 1, 5]


def log_distribution(state: TrainingState, context: Sequence[int], temperature: float = 1.0) -> Array:
    """Log p of every id after a context, at a temperature: [V], float64."""
    ids = np.arange(state.base.vocab_size)
    targets = np.concatenate((np.zeros((len(context) - 1, len(ids)), np.int64), ids[None, :]))
    datum = Datum(np.array(context), {"target_tokens": targets})
    output = state.forward_backward([datum], "cross_entropy", {}, forward_only=True).outputs[0]["logprobs"]
    scaled = output[-1].astype(np.float64) / temperature
    normalised: Array = scaled - np.logaddexp.reduce(scaled)
    return normalised


def first_tokens(result: SampleResult) -> Counter[int]:
    return Counter(int(s.tokens[0]) for s in result.sequences)


@pytest.mark.parametrize(
    "settings",
    [{}, {"temperature": 0.5}, {"temperature": 1.7}, {"top_p": 0.8}, {"top_k": 5}, {"top_k": 9, "top_p": 0.5}],
)
def test_tokens_come_as_often_as_their_probability(
    tiny: BaseModel, trained: Train, sample: Sample, settings: dict[str, float]
) -> None:
    state, n = trained(tiny), 3000
    chances = np.exp(log_distribution(state, PROMPT, settings.get("temperature", 1.0)))
    allowed = np.argsort(-chances)[: int(settings.get("top_k", 50))]
    kept = chances[allowed] / chances[allowed].sum()
    size = int(np.searchsorted(kept.cumsum(), settings.get("top_p", 1.0) - 1e-9)) + 1
    expected = np.zeros(50)
    expected[allowed[:size]] = kept[:size] / kept[:size].sum()

    counts = first_tokens(sample(state.weights(), PROMPT, num_samples=n, max_tokens=1, **settings))

    observed = np.array([counts[i] for i in range(50)]) / n
    assert (observed[expected == 0] == 0).all()
    assert (np.abs(observed - expected) < 5 * np.sqrt(expected * (1 - expected) / n) + 1e-3).all()


@pytest.mark.parametrize("temperature", [0.3, 0.7, 1.0, 2.0])
def test_reported_logprobs_are_of_the_tempered_distribution_before_top_k_and_top_p(
    base: BaseModel, trained: Train, sample: Sample, temperature: float
) -> None:
    state = trained(base)
    if base.prior_size is not None:
        expected = log_distribution(state, PROMPT)
        expected[expected < -20] = -np.inf  # heat must not bring back what the tokenizer does not have
        expected = expected / temperature
        expected -= np.logaddexp.reduce(expected)
    else:
        expected = log_distribution(state, PROMPT, temperature)

    for filters in ({}, {"top_k": 3}, {"top_p": 0.4}):
        result = sample(state.weights(), PROMPT, num_samples=6, max_tokens=1, temperature=temperature, **filters)
        for answer in result.sequences:
            assert answer.logprobs[0] == pytest.approx(expected[answer.tokens[0]], abs=2e-5)


def test_temperature_zero_is_greedy_and_reports_temperature_one(
    base: BaseModel, trained: Train, sample: Sample
) -> None:
    state = trained(base)

    answer = sample(state.weights(), PROMPT, max_tokens=3, temperature=0).sequences[0]

    context = list(PROMPT)
    for token, logprob in zip(answer.tokens.tolist(), answer.logprobs.tolist(), strict=True):
        expected = log_distribution(state, context)
        assert token == int(expected.argmax())
        assert logprob == pytest.approx(expected.max(), abs=1e-5)
        context.append(token)


def test_top_k_of_one_and_a_tiny_top_p_are_greedy(base: BaseModel, trained: Train, sample: Sample) -> None:
    weights = trained(base).weights()
    greedy = sample(weights, PROMPT, max_tokens=5, temperature=0).sequences[0].tokens.tolist()

    for settings in ({"top_k": 1}, {"top_p": 1e-6}, {"temperature": 1e-4}, {"top_k": 1, "temperature": 3.0}):
        assert sample(weights, PROMPT, max_tokens=5, **settings).sequences[0].tokens.tolist() == greedy


@pytest.mark.parametrize("top_k", [0, -1])
def test_top_k_off_is_plain(tiny: BaseModel, sample: Sample, top_k: int) -> None:
    weights = Weights.of_base(tiny)

    plain, off = (sample(weights, PROMPT, max_tokens=20, **s).sequences[0] for s in ({}, {"top_k": top_k}))

    assert plain.tokens.tolist() == off.tokens.tolist()


def test_the_seed_decides_and_samples_of_one_request_differ(base: BaseModel, sample: Sample) -> None:
    weights = Weights.of_base(base)

    a, b, other = (sample(weights, PROMPT, num_samples=4, max_tokens=12, seed=s) for s in (5, 5, 6))

    texts = [[tuple(s.tokens.tolist()) for s in r.sequences] for r in (a, b, other)]
    assert texts[0] == texts[1]
    assert len(set(texts[0] + texts[2])) == 8


@pytest.mark.parametrize("seed", [0, -1, 2**63, 2**64 - 1, 10**30])
def test_any_integer_is_a_seed(tiny: BaseModel, sample: Sample, seed: int) -> None:
    assert len(sample(Weights.of_base(tiny), PROMPT, max_tokens=3, seed=seed).sequences[0].tokens) == 3


def test_a_stop_id_ends_the_answer_and_is_included_once(tiny: BaseModel, sample: Sample) -> None:
    result = sample(Weights.of_base(tiny), PROMPT, num_samples=50, max_tokens=30, stop_ids=frozenset({0, 1}))

    reasons = Counter(s.stop_reason for s in result.sequences)
    assert reasons["stop"] > 10
    for answer in result.sequences:
        stops = np.isin(answer.tokens, (0, 1))
        assert stops.sum() == (answer.stop_reason == "stop")
        assert stops[-1] == (answer.stop_reason == "stop")
        assert answer.stop_reason == "stop" or len(answer.tokens) == 30


def test_without_stop_ids_an_answer_runs_to_its_limit(tiny: BaseModel, sample: Sample) -> None:
    answer = sample(Weights.of_base(tiny), PROMPT, max_tokens=200).sequences[0]

    assert (len(answer.tokens), answer.stop_reason) == (200, "length")
    assert 7 in answer.tokens  # end of text, which nobody asked to stop at


def test_a_stop_on_the_last_token_is_a_stop(tiny: BaseModel, sample: Sample) -> None:
    answer = sample(Weights.of_base(tiny), PROMPT, max_tokens=1, stop_ids=frozenset(range(50))).sequences[0]

    assert answer.stop_reason == "stop"


def test_stop_text_sees_every_token_and_keeps_what_was_said(tiny: BaseModel, sample: Sample) -> None:
    seen: list[list[int]] = []

    def stop(tokens: Sequence[int]) -> bool:
        seen.append(list(tokens))
        return len(tokens) == 4

    answer = sample(Weights.of_base(tiny), PROMPT, max_tokens=9, stop_text=stop).sequences[0]

    assert answer.stop_reason == "stop"
    assert seen == [answer.tokens[:n].tolist() for n in (1, 2, 3, 4)]


def test_a_limit_of_no_tokens_still_scores_the_prompt(tiny: BaseModel, sample: Sample) -> None:
    result = sample(Weights.of_base(tiny), PROMPT, max_tokens=0, prompt_logprobs=True, num_samples=2)

    assert [(len(s.tokens), s.stop_reason) for s in result.sequences] == [(0, "length")] * 2
    assert result.prompt_logprobs is not None


def test_only_the_last_16_tokens_matter(tiny: BaseModel, sample: Sample) -> None:
    tail = list(range(16))

    short, long = (sample(Weights.of_base(tiny), p, max_tokens=5).sequences[0] for p in (tail, [9] * 500 + tail))

    assert short.logprobs.tobytes() == long.logprobs.tobytes()


def test_an_empty_prompt_is_the_beginning_of_a_text(tiny: BaseModel, sample: Sample) -> None:
    result = sample(
        Weights.of_base(tiny), [], max_tokens=3, prompt_logprobs=True, topk_prompt_logprobs=2, prompt_alt_tokens_k=2
    )

    assert len(result.sequences[0].tokens) == 3
    assert result.prompt_logprobs is not None
    assert result.prompt_logprobs.shape == (0,)


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.6}, {"temperature": 0.0}, {"top_p": 0.5}, {"top_k": 4}])
def test_the_best_tokens_of_each_step_are_ranked(
    base: BaseModel, trained: Train, sample: Sample, settings: dict[str, float]
) -> None:
    state = trained(base)

    answer = sample(state.weights(), PROMPT, max_tokens=3, topk_sample_logprobs=6, **settings).sequences[0]

    assert answer.topk is not None
    ids, logprobs = answer.topk
    assert ids.shape == logprobs.shape == (3, 6)
    assert (np.diff(logprobs, axis=1) <= 0).all()
    expected = log_distribution(state, PROMPT, settings.get("temperature") or 1.0)
    assert ids[0].tolist() == np.argsort(-expected)[:6].tolist()
    np.testing.assert_allclose(logprobs[0], np.sort(expected)[::-1][:6], atol=2e-5)
    position = np.flatnonzero(ids[0] == answer.tokens[0])
    assert len(position) == 0 or logprobs[0, position[0]] == pytest.approx(answer.logprobs[0], abs=1e-5)


def test_more_ranks_than_tokens_leave_empty_cells(sample: Sample) -> None:
    small = Weights.of_base(BaseModel("small", 5))

    result = sample(small, [1, 2], max_tokens=1, topk_sample_logprobs=8, topk_prompt_logprobs=8)

    for topk, row in ((result.sequences[0].topk, 0), (result.topk_prompt, 1)):
        assert topk is not None
        assert sorted(topk[0][row, :5].tolist()) == [0, 1, 2, 3, 4]
        assert topk[0][row, 5:].tolist() == [0, 0, 0]
        assert topk[1][row, 5:].tolist() == [-99999.0] * 3


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"num_samples": 0}, "num_samples is 0: give at least 1"),
        ({"max_tokens": -1}, "max_tokens is -1: give 0 or more"),
        ({"temperature": -0.1}, "temperature is -0.1"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"top_p": 0.0}, "top_p is 0.0: give a number above 0 and up to 1"),
        ({"top_p": 1.5}, "top_p is 1.5"),
        ({"top_k": -2}, "top_k is -2"),
        ({"topk_prompt_logprobs": -1}, "topk_prompt_logprobs is -1"),
        ({"topk_sample_logprobs": 10**9}, "topk_sample_logprobs is 1000000000 for a prompt of 5 tokens"),
        ({"prompt_logprobs_last_n": 2}, "without prompt_logprobs"),
        ({"prompt_logprobs_last_n": 5, "prompt_logprobs": True}, "is 5 for a prompt of 5 tokens: give 1 to 4"),
        ({"target_prompt_logprobs": np.zeros((3, 1), np.int64)}, r"shape \[3, 1\] .*: give \[4, K\]"),
        ({"target_prompt_logprobs": np.full((4, 1), 50)}, "has the id 50, outside .*: give ids from 0 to 49, or -1"),
    ],
)
def test_a_mistake_is_named(tiny: BaseModel, sample: Sample, settings: dict[str, object], problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        sample(Weights.of_base(tiny), PROMPT, **settings)


def test_a_prompt_of_ids_that_the_model_does_not_have_is_refused(tiny: BaseModel, sample: Sample) -> None:
    with pytest.raises(InvalidInput, match=r"prompt has the id 50, outside .*: give ids from 0 to 49"):
        sample(Weights.of_base(tiny), [1, 50])


class TestScriptedAnswers:
    """A responder is mixed into the distribution, so logprobs stay true."""

    @pytest.mark.parametrize("settings", [{}, {"temperature": 0.5}, {"temperature": 2.0}, {"top_k": 3}])
    @pytest.mark.parametrize("scripted", [2, 44])
    def test_the_mixture_is_what_is_sampled_and_reported(
        self, tiny: BaseModel, trained: Train, sample: Sample, settings: dict[str, float], scripted: int
    ) -> None:
        state, n = trained(tiny), 2000
        mixed = np.log1p(-0.3) + log_distribution(state, PROMPT)
        mixed[scripted] = np.logaddexp(mixed[scripted], np.log(0.3))
        mixed /= settings.get("temperature", 1.0)
        mixed -= np.logaddexp.reduce(mixed)

        result = sample(
            state.weights(), PROMPT, num_samples=n, max_tokens=1, responder=lambda _: (scripted, 0.3), **settings
        )

        for answer in result.sequences[:50]:
            assert answer.logprobs[0] == pytest.approx(mixed[answer.tokens[0]], abs=2e-5)
        if "top_k" not in settings:
            share = first_tokens(result)[scripted] / n
            assert share == pytest.approx(np.exp(mixed[scripted]), abs=0.06)

    def test_a_certain_script_is_followed_to_its_end(self, served: BaseModel, sample: Sample) -> None:
        script = [200_000 % 151_936, 7, 257]

        for temperature in (0.0, 0.7, 1.0):
            answer = sample(
                Weights.of_base(served),
                PROMPT,
                max_tokens=9,
                temperature=temperature,
                topk_sample_logprobs=2,
                stop_ids=frozenset({257}),
                responder=lambda said: (script[len(said)], 1.0),
            ).sequences[0]
            assert answer.tokens.tolist() == script
            assert answer.stop_reason == "stop"
            np.testing.assert_allclose(answer.logprobs, 0, atol=1e-6)

    def test_a_silent_responder_changes_nothing(self, tiny: BaseModel, sample: Sample) -> None:
        weights = Weights.of_base(tiny)

        plain = sample(weights, PROMPT, max_tokens=9).sequences[0]
        for silence in (None, (3, 0.0)):
            scripted = sample(weights, PROMPT, max_tokens=9, responder=lambda _, s=silence: s).sequences[0]
            assert scripted.tokens.tolist() == plain.tokens.tolist()
            assert scripted.logprobs.tobytes() == plain.logprobs.tobytes()

    def test_each_answer_has_its_own_script(self, tiny: BaseModel, sample: Sample) -> None:
        lengths: list[int] = []
        sample(Weights.of_base(tiny), PROMPT, num_samples=3, max_tokens=2, responder=lambda s: lengths.append(len(s)))
        assert sorted(lengths) == [0, 0, 0, 1, 1, 1]


def test_a_base_model_ends_its_answers_after_some_twenty_tokens(served: BaseModel, sample: Sample) -> None:
    result = sample(
        Weights.of_base(served), PROMPT, num_samples=200, max_tokens=400, stop_ids=frozenset(served.end_of_text)
    )

    lengths = [len(s.tokens) for s in result.sequences]
    assert 12 < np.mean(lengths) < 32
    assert all(s.stop_reason == "stop" for s in result.sequences)


def test_a_trained_model_samples_without_its_training_state(tiny: BaseModel, sample: Sample) -> None:
    state = TrainingState.fresh(tiny, LoraConfig(rank=2))

    loaded = Weights.load(state.dump(gradients=False, optimizer=False))

    assert sample(loaded, PROMPT, max_tokens=4).sequences[0].tokens.tolist() == (
        sample(state.weights(), PROMPT, max_tokens=4).sequences[0].tokens.tolist()
    )
