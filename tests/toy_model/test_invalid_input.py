"""Every mistake in a batch is named: which datum, which field, which value, and what to do."""

from collections.abc import Mapping

import numpy as np
import pytest

from mock_server.toy_model import BaseModel, Datum, InvalidInput, LoraConfig, TrainingState

N = 4
GOOD = Datum(np.arange(N), {"target_tokens": np.arange(N)})
ONES = np.ones(N, np.float32)
RL = {"logprobs": ONES, "advantages": ONES}


def good(**inputs: object) -> Datum:
    return Datum(np.arange(N), {"target_tokens": np.arange(N), **{k: np.asarray(v) for k, v in inputs.items()}})


CASES: list[tuple[list[Datum], str, Mapping[str, float | str], str]] = [
    ([GOOD], "nll", {}, "loss_fn 'nll' is unknown: use one of cross_entropy, importance_sampling"),
    (
        [GOOD, Datum(np.array([1, 50, 2, 3]), {"target_tokens": np.arange(N)})],
        "cross_entropy",
        {},
        "model_input of datum 1 has the id 50, outside the model's vocabulary: give ids from 0 to 49",
    ),
    ([GOOD], "ppo", {"clip": 1.0}, "loss_fn_config.clip is not a setting of ppo: use clip_low_threshold, clip_high"),
    ([GOOD], "cross_entropy", {"beta": 1.0}, "loss_fn_config.beta is not a setting of cross_entropy: it takes none"),
    ([GOOD], "dro", {"beta": "much"}, "loss_fn_config.beta is 'much': give a number"),
    ([GOOD], "dro", {"beta": float("nan")}, "loss_fn_config.beta is nan: give a finite number"),
    (
        [GOOD, GOOD, GOOD, good(weights=np.ones(5))],
        "cross_entropy",
        {},
        "loss_fn_inputs.weights of datum 3 has 5 values for 4 target tokens: give one weight per target token",
    ),
    (
        [good(**RL, mask=ONES)],
        "importance_sampling",
        {},
        "loss_fn_inputs.mask of datum 0 is not an input of importance_sampling: leave it out, give advantages",
    ),
    ([GOOD], "cispo", {}, "loss_fn_inputs.logprobs of datum 0 is missing: cispo needs one number per target token"),
    ([GOOD, Datum(np.arange(N), {})], "cross_entropy", {}, "loss_fn_inputs.target_tokens of datum 1 is missing"),
    (
        [Datum(np.arange(N), {"target_tokens": np.arange(3)})],
        "cross_entropy",
        {},
        "loss_fn_inputs.target_tokens of datum 0 has 3 rows for 4 input tokens: give one target per position",
    ),
    (
        [Datum(np.arange(N), {"target_tokens": np.zeros((N, 2), np.int64), **RL})],
        "ppo",
        {},
        r"target_tokens of datum 0 has shape \[4, 2\]: ppo takes \[N\]",
    ),
    (
        [Datum(np.arange(N), {"target_tokens": np.zeros((N, 2, 2), np.int64)})],
        "cross_entropy",
        {},
        r"has shape \[4, 2, 2\]: cross_entropy takes \[N\] or \[N, K\]",
    ),
    (
        [Datum(np.arange(N), {"target_tokens": np.zeros((N, 2), np.int64), "weights": np.ones((2, N))})],
        "cross_entropy",
        {},
        r"weights of datum 0 has shape \[2, 4\] for target tokens of shape \[4, 2\]",
    ),
    (
        [Datum(np.arange(N), {"target_tokens": np.zeros(N, np.float32)})],
        "cross_entropy",
        {},
        "target_tokens of datum 0 holds float32 values: give token ids as int64",
    ),
    (
        [GOOD, Datum(np.arange(N), {"target_tokens": np.array([0, 1, 50, 2])})],
        "cross_entropy",
        {},
        "target_tokens of datum 1 has the id 50, outside the model's vocabulary: give ids from 0 to 49",
    ),
    (
        [Datum(np.arange(N), {"target_tokens": np.array([0, 1, -100, 2])})],
        "cross_entropy",
        {},
        "target_tokens of datum 0 has the id -100",
    ),
    (
        [GOOD, good(weights=[1, 1, np.nan, 1])],
        "cross_entropy",
        {},
        "loss_fn_inputs.weights of datum 1 has the value nan at target 2: give finite float32 numbers",
    ),
    ([good(logprobs=[0, 0, 0, -np.inf], advantages=ONES)], "ppo", {}, "logprobs of datum 0 has the value -inf"),
    ([good(weights=[1e300, 1, 1, 1])], "cross_entropy", {}, "weights of datum 0 has the value inf at target 0"),
    ([good(weights=np.array(["a"] * N))], "cross_entropy", {}, "weights of datum 0 holds <U1 values: give numbers"),
    ([good(weights=ONES * 3e38)], "cross_entropy", {}, "does not fit in float32: scale its weights"),
]


@pytest.mark.parametrize(("data", "loss", "config", "problem"), CASES, ids=[case[3][:60] for case in CASES])
def test_a_mistake_is_named(
    tiny: BaseModel, data: list[Datum], loss: str, config: Mapping[str, float | str], problem: str
) -> None:
    state = TrainingState.fresh(tiny, LoraConfig(rank=2))

    with pytest.raises(InvalidInput, match=problem):
        state.forward_backward(data, loss, config)

    assert not state.has_gradients


def test_a_mistake_after_empty_data_is_blamed_on_the_right_datum(tiny: BaseModel) -> None:
    empty = Datum(np.empty(0, np.int64), {"target_tokens": np.empty(0, np.int64)})
    state = TrainingState.fresh(tiny, LoraConfig(rank=2))

    with pytest.raises(InvalidInput, match="weights of datum 2 has the value inf at target 0"):
        state.forward_backward([empty, empty, good(weights=[np.inf, 1, 1, 1]), empty], "cross_entropy", {})


def test_what_is_harmless_is_accepted(tiny: BaseModel) -> None:
    state = TrainingState.fresh(tiny, LoraConfig(rank=2))
    int32 = Datum(np.arange(N), {"target_tokens": np.arange(N, dtype=np.int32), "weights": np.ones(N, np.int64)})

    same = state.forward_backward([int32, GOOD], "cross_entropy", {}).outputs

    assert same[0]["logprobs"].tolist() == same[1]["logprobs"].tolist()
    assert state.forward_backward([good(**RL)], "dro", {"beta": "0.1"}).metrics["loss:sum"] != 0


@pytest.mark.parametrize("rank", [0, -1])
def test_a_rank_below_one_is_refused(tiny: BaseModel, rank: int) -> None:
    with pytest.raises(InvalidInput, match=f"rank is {rank}: give a rank of at least 1"):
        TrainingState.fresh(tiny, LoraConfig(rank=rank))


def test_an_impossible_base_model_is_refused() -> None:
    with pytest.raises(InvalidInput, match="vocab_size is 0"):
        TrainingState.fresh(BaseModel("m", 0), LoraConfig())
    with pytest.raises(InvalidInput, match=r"end_of_text \(10,\) has an id outside 0..9"):
        TrainingState.fresh(BaseModel("m", 10, None, (10,)), LoraConfig())
