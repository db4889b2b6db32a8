"""Property 3: it learns what its data allow, at the learning rates people use."""

from collections.abc import Callable

import numpy as np
import pytest

from mock_server.toy_model import AdamParams, BaseModel, Datum, DimuonParams, LoraConfig, SampleResult, TrainingState
from mock_server.toy_model.values import Int64s

Make = Callable[..., Datum]
Sample = Callable[..., SampleResult]


def nats(state: TrainingState, data: list[Datum]) -> float:
    """Mean loss a token, in nats."""
    metrics = state.forward_backward(data, "cross_entropy", {}, forward_only=True).metrics
    return metrics["loss:sum"] / metrics["tokens:sum"]


def train(state: TrainingState, data: list[Datum], steps: int, learning_rate: float) -> None:
    for _ in range(steps):
        state.forward_backward(data, "cross_entropy", {})
        state.optim_step(AdamParams(learning_rate=learning_rate))


@pytest.mark.parametrize("learning_rate", [1e-4, 3e-4, 1e-3])
@pytest.mark.parametrize("rank", [8, 32])
def test_a_repeated_batch_is_half_learnt_in_50_steps_and_known_in_300(
    qwen: BaseModel, rng: np.random.Generator, sequence: Make, learning_rate: float, rank: int
) -> None:
    state = TrainingState.fresh(qwen, LoraConfig(rank=rank))
    batch = [sequence(rng.integers(0, 2000, 41)) for _ in range(4)]

    losses = [nats(state, batch)]
    for steps in (50, 250):
        train(state, batch, steps, learning_rate)
        losses.append(nats(state, batch))

    assert losses[1] < losses[0] / 2
    assert losses[2] < 0.1


def test_the_rank_does_not_decide_the_learning_rate(qwen: BaseModel, rng: np.random.Generator, sequence: Make) -> None:
    batch = [sequence(rng.integers(0, 2000, 41)) for _ in range(4)]
    losses = []
    for rank in (16, 32, 64, 128):
        state = TrainingState.fresh(qwen, LoraConfig(rank=rank))
        train(state, batch, 10, 5e-4)
        losses.append(nats(state, batch))

    assert max(losses) < 1.7 * min(losses)


def test_greedy_sampling_continues_a_memorised_text_with_repeated_phrases(
    served: BaseModel, sequence: Make, sample: Sample
) -> None:
    text = np.frombuffer(
        b"It is what it is, and what it is is what it was. The rain in Spain stays in the rain; the rain in the plain "
        b"is in the plain. Is it what it is? It is, it is; what it was it is. The rain in the end ends: the end.",
        np.uint8,
    )
    text = text[:200]
    state = TrainingState.fresh(served, LoraConfig())
    train(state, [sequence(text)], 150, 5e-4)

    answer = sample(state.weights(), text[:16], max_tokens=184, temperature=0).sequences[0]

    assert bytes(answer.tokens.astype(np.uint8)) == text[16:].tobytes()


@pytest.mark.parametrize("loss", ["importance_sampling", "ppo", "cispo", "stable_reinforce"])
def test_reward_rises_in_a_reinforcement_loop(served: BaseModel, sample: Sample, loss: str) -> None:
    """The reward is the share of even tokens in the answer."""
    state, prompt, rewards = TrainingState.fresh(served, LoraConfig()), np.array([10, 20, 30]), []
    for step in range(30):
        answers = sample(state.weights(), prompt, num_samples=32, max_tokens=8, seed=step).sequences
        scores = np.array([np.mean(answer.tokens % 2 == 0) for answer in answers])
        rewards.append(scores.mean())
        data = []
        for answer, advantage in zip(answers, scores - scores.mean(), strict=True):
            padding = np.zeros(len(prompt) - 1)
            whole = np.concatenate((prompt, answer.tokens)).astype(np.int64)
            inputs = {
                "target_tokens": whole[1:],
                "logprobs": np.concatenate((padding, answer.logprobs)),
                "advantages": np.concatenate((padding, np.full(len(answer.tokens), advantage))),
            }
            data.append(Datum(whole[:-1], inputs))
        state.forward_backward(data, loss, {})
        state.optim_step(AdamParams(learning_rate=1e-3))

    assert np.mean(rewards[:5]) < 0.6
    assert np.mean(rewards[-5:]) > 0.85


def bigram_source(symbols: Int64s, seed: int) -> tuple[Callable[[int, int, int], list[Int64s]], float]:
    """A source where the next symbol depends on the last one: a sampler (how many, length, seed) and its entropy."""
    table = np.random.default_rng(seed).dirichlet(np.full(len(symbols), 0.06), len(symbols))
    cumulative = table.cumsum(axis=1)

    def draw(count: int, length: int, seed: int) -> list[Int64s]:
        rng = np.random.default_rng(seed)
        state = rng.integers(0, len(symbols), count)
        columns = [state]
        for _ in range(length - 1):
            state = np.minimum((cumulative[state] < rng.random((count, 1))).sum(axis=1), len(symbols) - 1)
            columns.append(state)
        return list(symbols[np.stack(columns, axis=1)])

    share = np.full(len(symbols), 1 / len(symbols))
    for _ in range(300):
        share = share @ table
    surprise = np.where(table > 0, -table * np.log(np.maximum(table, 1e-300)), 0).sum(axis=1)
    return draw, float(share @ surprise)


@pytest.mark.parametrize("scattered", [False, True])
def test_it_generalises_to_new_sequences_of_a_source_and_not_to_unrelated_ones(
    qwen: BaseModel, served: BaseModel, sequence: Make, scattered: bool
) -> None:
    rng = np.random.default_rng(1)
    base, symbols = (qwen, rng.choice(50_000, 60, replace=False)) if scattered else (served, np.arange(60) + 40)
    draw, entropy = bigram_source(symbols, seed=5)
    old = [sequence(s) for s in draw(1200, 30, 1)]
    new = [sequence(s) for s in draw(100, 30, 2)]
    others = np.setdiff1d(np.arange(40, 260), symbols)
    unrelated = [sequence(rng.choice(others, 30)) for _ in range(50)]
    state = TrainingState.fresh(base, LoraConfig())
    before = nats(state, unrelated)

    for _ in range(2):
        for start in range(0, len(old), 24):
            train(state, old[start : start + 24], 1, 1e-3)

    assert entropy < 2
    assert nats(state, new) < entropy + 1
    assert nats(state, unrelated) > before - 0.05


def test_dimuon_learns_too(qwen: BaseModel, rng: np.random.Generator, sequence: Make) -> None:
    state = TrainingState.fresh(qwen, LoraConfig(), "dimuon")
    batch = [sequence(rng.integers(0, 2000, 41)) for _ in range(4)]
    before = nats(state, batch)

    for _ in range(50):
        state.forward_backward(batch, "cross_entropy", {})
        state.optim_step(DimuonParams(learning_rate=3e-4))

    assert nats(state, batch) < before / 2


def test_a_learning_rate_of_zero_changes_nothing(tiny: BaseModel, sequence: Make) -> None:
    state = TrainingState.fresh(tiny, LoraConfig())
    batch = [sequence(range(10))]
    before = nats(state, batch)

    train(state, batch, 3, 0.0)

    assert nats(state, batch) == before
