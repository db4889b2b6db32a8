"""Property 6 in a crowd: the same request gives the same bits, whatever else runs beside it."""

from collections.abc import Callable, Hashable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_server.toy_model import BaseModel, Decoder, InvalidInput, SampleRequest, SampleResult, TrainingState, Weights
from mock_server.toy_model.decoder import TILE

Train = Callable[[BaseModel], TrainingState]
Answers = dict[Hashable, SampleResult | InvalidInput]

KINDS: list[dict[str, object]] = [
    {},
    {"temperature": 0.7},
    {"temperature": 0.0},
    {"top_k": 5, "top_p": 0.9},
    {"topk_sample_logprobs": 3},
    {"prompt_logprobs": True, "topk_prompt_logprobs": 2, "prompt_alt_tokens_k": 2},
    {"responder": lambda said: (len(said), 0.5)},
    {"num_samples": 5},
]


def request(rng: np.random.Generator, kind: int, seed: int) -> SampleRequest:
    settings = {"max_tokens": int(rng.integers(1, 12)), **KINDS[kind]}
    prompt = rng.integers(0, 50, rng.integers(0, 40))
    return SampleRequest(prompt=prompt, seed=seed, stop_ids=frozenset({7}), **settings)  # type: ignore[arg-type]


def run(decoder: Decoder) -> Answers:
    answers: Answers = {}
    while not decoder.idle:
        answers.update(decoder.step())
    return answers


def bits(answer: SampleResult | InvalidInput) -> list[object]:
    assert isinstance(answer, SampleResult)
    arrays: list[object] = []
    for sequence in answer.sequences:
        arrays += [sequence.tokens.tobytes(), sequence.logprobs.tobytes(), sequence.stop_reason]
        arrays += [part.tobytes() for part in sequence.topk or ()]
    for value in (answer.prompt_logprobs, *(answer.topk_prompt or ()), *(answer.prompt_alt_tokens or ())):
        arrays.append(None if value is None else value.tobytes())
    return arrays


@pytest.mark.parametrize("crowd", [1, TILE - 1, 3 * TILE])
def test_a_request_gives_the_same_bits_alone_and_in_a_crowd(base: BaseModel, trained: Train, crowd: int) -> None:
    weights, rng = trained(base).weights(), np.random.default_rng(crowd)
    mine = [request(rng, kind, seed=kind) for kind in range(len(KINDS))]
    alone = []
    for question in mine:
        decoder = Decoder(weights)
        decoder.add("it", question)
        alone.append(run(decoder)["it"])

    decoder, answers = Decoder(weights), Answers()
    for other in range(crowd):
        decoder.add(("other", other), request(rng, other % 2 * 7, seed=1000 + other))
        if other % 7 == 0:
            answers.update(decoder.step())
    for number, question in enumerate(mine):
        decoder.add(number, question)
        answers.update(decoder.step())
    answers.update(run(decoder))

    assert len(answers) == crowd + len(mine)
    for number, answer in enumerate(alone):
        assert bits(answers[number]) == bits(answer)


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_any_schedule_of_arrivals_and_removals_leaves_the_others_alone(data: st.DataObject) -> None:
    weights = Weights.of_base(BaseModel("m", 300, None, (7,)))
    questions = [request(np.random.default_rng(i), i % len(KINDS), i) for i in range(12)]
    reference = Decoder(weights)
    for number, question in enumerate(questions):
        reference.add(number, question)
    expected = run(reference)

    decoder, answers, removed = Decoder(weights), Answers(), set()
    for number in data.draw(st.permutations(range(12))):
        decoder.add(number, questions[number])
        for _ in range(data.draw(st.integers(0, 3))):
            answers.update(decoder.step())
        if data.draw(st.booleans()):
            victim = data.draw(st.integers(0, 11))
            decoder.remove(victim)
            removed.add(victim)  # or finished before, or not yet there: removing those does nothing
    answers.update(run(decoder))

    assert set(answers) | removed == set(range(12))
    for key, answer in answers.items():
        assert bits(answer) == bits(expected[key])


def test_a_removed_request_frees_its_place_and_is_never_answered(tiny: BaseModel) -> None:
    decoder = Decoder(Weights.of_base(tiny))
    decoder.add("waiting", SampleRequest(prompt=np.array([1]), seed=1, max_tokens=10**6))
    decoder.remove("waiting")
    assert decoder.idle
    assert decoder.step() == []

    decoder.add("running", SampleRequest(prompt=np.array([1]), seed=1, num_samples=TILE, max_tokens=10**6))
    decoder.step()
    decoder.remove("running")
    decoder.remove("unknown")
    decoder.add("next", SampleRequest(prompt=np.array([1]), seed=1, num_samples=TILE, max_tokens=2))
    assert set(run(decoder)) == {"next"}
    assert len(decoder._slots) == TILE


def test_a_wrong_request_is_answered_with_its_mistake(tiny: BaseModel) -> None:
    decoder = Decoder(Weights.of_base(tiny))
    decoder.add("bad", SampleRequest(prompt=np.array([1]), seed=1, top_p=7.0))
    decoder.add("good", SampleRequest(prompt=np.array([1]), seed=1, max_tokens=2))

    answers = run(decoder)

    assert isinstance(answers["bad"], InvalidInput)
    assert isinstance(answers["good"], SampleResult)


def test_a_key_in_use_is_refused(tiny: BaseModel) -> None:
    decoder = Decoder(Weights.of_base(tiny))
    decoder.add("a", SampleRequest(prompt=np.array([1]), seed=1))

    with pytest.raises(KeyError, match="already running"):
        decoder.add("a", SampleRequest(prompt=np.array([1]), seed=1))


def test_long_prompts_do_not_hold_up_running_sequences(tiny: BaseModel) -> None:
    decoder = Decoder(Weights.of_base(tiny))
    for number in range(20):
        prompt = np.zeros(2000, np.int64)
        decoder.add(number, SampleRequest(prompt=prompt, seed=1, max_tokens=1, prompt_logprobs=True))

    first = decoder.step()

    assert len(first) <= 2  # not all twenty prompts at once
    assert len(first) + len(run(decoder)) == 20
