"""Sampling, with every version of the official SDK: it says what was learnt, and its numbers are those of training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from client_tests.versions.matrix import lives

if TYPE_CHECKING:
    from client_tests.harness.sdk import Sdk


@lives("sample")
def test_it_says_by_heart_what_it_was_trained_on(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        training = kit.trainer(service_client, rank=16)
        for _ in range(40):
            training.forward_backward([kit.datum()], "cross_entropy")
            training.optim_step(kit.adam(5e-3))
        path = training.save_weights_for_sampler("by-heart").result().path
        begin = kit.prompt(kit.TOKENS[:6])
        samplers = [training.create_sampling_client(path), service_client.create_sampling_client(model_path=path)]
        spoken = [kit.client(sampler).sample(begin, 2, kit.greedy(8)).result().sequences for sampler in samplers]
        return [[list(sequence.tokens), sequence.stop_reason] for sequences in spoken for sequence in sequences]

    assert sdk.run(program) == [[list(range(106, 114)), "length"]] * 4


@lives("ephemeral")
def test_a_sampler_of_the_weights_of_now_samples_as_probably_as_training_says(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        training = kit.trainer(service_client)
        kit.steps(training, 3)
        sampler = kit.client(training.save_weights_and_get_sampling_client("now"))
        (sequence,) = sampler.sample(kit.prompt(), 1, kit.greedy(4)).result().sequences
        output = training.forward([kit.datum([*kit.TOKENS, *sequence.tokens])], "cross_entropy").result()
        return [list(sequence.logprobs), kit.logprobs(output)[0][-4:]]

    sampled, trained = sdk.run(program)
    assert sampled == pytest.approx(trained, abs=1e-5)


@lives("base")
def test_a_base_model_samples_the_same_for_the_same_seed(sdk: Sdk) -> None:
    def program(service_client: Any, tinker: Any, kit: Any) -> list[Any]:
        sampler = kit.client(service_client.create_sampling_client(base_model=kit.BASE_MODEL))
        params = [tinker.types.SamplingParams(max_tokens=8, seed=seed, stop=[]) for seed in (1, 1, 2)]
        return [list(sampler.sample(kit.prompt(), 1, each).result().sequences[0].tokens) for each in params]

    first, again, other = sdk.run(program)
    assert first == again != other


@lives("prompt_logprobs")
def test_a_prompts_logprobs_are_those_of_forward(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        training = kit.trainer(service_client)
        kit.steps(training, 3)
        forward = kit.logprobs(training.forward([kit.datum()], "cross_entropy").result())[0]
        sampler = kit.client(training.save_weights_and_get_sampling_client("now"))
        computed = sampler.compute_logprobs(kit.prompt()).result()
        answer = sampler.sample(kit.prompt(), 1, kit.greedy(1), include_prompt_logprobs=True).result()
        return [forward, list(computed), list(answer.prompt_logprobs)]

    forward, computed, prompted = sdk.run(program)
    assert computed == prompted
    assert computed[0] is None
    assert computed[1:] == pytest.approx(forward, abs=1e-5)


@lives("topk_prompt")
def test_the_top_k_of_a_prompt_come_in_order_and_agree_with_its_logprobs(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        training = kit.trainer(service_client, rank=16)
        for _ in range(40):
            training.forward_backward([kit.datum()], "cross_entropy")
            training.optim_step(kit.adam(5e-3))
        sampler = kit.client(training.save_weights_and_get_sampling_client("now"))
        answer = sampler.sample(
            kit.prompt(), 1, kit.greedy(1), include_prompt_logprobs=True, topk_prompt_logprobs=3
        ).result()
        top = [position and [list(each) for each in position] for position in answer.topk_prompt_logprobs]
        return [top, list(answer.prompt_logprobs)]

    top, logprobs = sdk.run(program)
    assert top[0] is None
    last = top[-1]
    assert len(last) == 3
    assert last == sorted(last, key=lambda pair: -pair[1])
    assert last[0] == [123, pytest.approx(logprobs[-1], abs=1e-5)]


@lives("topk_sample")
def test_the_top_k_of_a_greedy_sample_begin_with_what_was_sampled(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        sampler = kit.client(service_client.create_sampling_client(base_model=kit.BASE_MODEL))
        (sequence,) = sampler.sample(kit.prompt(), 1, kit.greedy(4), topk_sample_logprobs=2).result().sequences
        return [list(sequence.tokens), [[list(each) for each in position] for position in sequence.topk_logprobs]]

    tokens, top = sdk.run(program)
    assert [position[0][0] for position in top] == tokens
    assert all(len(position) == 2 and position[0][1] >= position[1][1] for position in top)


@lives("target_prompt")
def test_the_logprobs_of_given_tokens_are_the_prompts_own_where_they_are_its_tokens(sdk: Sdk) -> None:
    def program(service_client: Any, tinker: Any, kit: Any) -> list[Any]:
        sampler = kit.client(service_client.create_sampling_client(base_model=kit.BASE_MODEL))
        targets = tinker.types.TensorData(data=kit.TOKENS[1:], dtype="int64", shape=[len(kit.TOKENS) - 1, 1])
        answer = sampler.sample(kit.prompt(), 1, kit.greedy(1), target_prompt_logprobs=targets).result()
        return [answer.target_prompt_logprobs.tolist(), list(sampler.compute_logprobs(kit.prompt()).result())]

    targets, prompt = sdk.run(program)
    assert [logprob for (logprob,) in targets] == pytest.approx(prompt[1:], abs=1e-5)


@lives("alternatives")
def test_alternatives_come_for_each_position_after_the_first(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        sampler = kit.client(service_client.create_sampling_client(base_model=kit.BASE_MODEL))
        answer = sampler.sample(kit.prompt(), 1, kit.greedy(1), prompt_alt_tokens_k=3).result()
        return [answer.prompt_alt_tokens.tokens.tolist(), answer.prompt_alt_tokens.logprobs.tolist()]

    tokens, logprobs = sdk.run(program)
    assert [len(row) for row in tokens] == [len(row) for row in logprobs] == [3] * 23
    assert all(logprob <= 0 for row in logprobs for logprob in row)


@lives("handle")
def test_a_sampler_is_opened_by_its_handle(sdk: Sdk) -> None:
    def program(service_client: Any, tinker: Any, kit: Any) -> list[Any]:
        sampler = kit.client(service_client.create_sampling_client(base_model=kit.BASE_MODEL))
        opened = tinker.SamplingClient.from_sampler_handle(sampler.get_sampler_handle())
        return [
            list(each.sample(kit.prompt(), 1, kit.greedy(4)).result().sequences[0].tokens) for each in (sampler, opened)
        ]

    own, opened = sdk.run(program)
    assert own == opened
