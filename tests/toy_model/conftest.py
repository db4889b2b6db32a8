"""Small models, and short ways to train and to sample, that the toy model's tests share."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from mock_server.toy_model import (
    BaseModel,
    Datum,
    Decoder,
    InvalidInput,
    SampleRequest,
    SampleResult,
    TrainingState,
    Weights,
)
from mock_server.toy_model.values import Array

QWEN = BaseModel("Qwen/Qwen3-8B", 151_936, None, (151_645, 151_643))
SERVED = BaseModel("Qwen/Qwen3-8B", 151_936, 268, (257,))  # the same model behind a tokenizer of our hub
TINY = BaseModel("tiny", 50, None, (7,))  # small enough to look at the whole distribution


@pytest.fixture
def qwen() -> BaseModel:
    return QWEN


@pytest.fixture
def served() -> BaseModel:
    return SERVED


@pytest.fixture
def tiny() -> BaseModel:
    return TINY


@pytest.fixture(params=[QWEN, SERVED, TINY], ids=["whole-vocabulary", "served-tokenizer", "tiny"])
def base(request: pytest.FixtureRequest) -> BaseModel:
    model = request.param
    assert isinstance(model, BaseModel)
    return model


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def sequence() -> Callable[..., Datum]:
    """A text as a datum: each token predicts the next. Further inputs by name."""

    def make(ids: Sequence[int] | Array, **inputs: object) -> Datum:
        tokens = np.asarray(ids, np.int64)
        arrays = {name: np.asarray(value) for name, value in inputs.items()}
        return Datum(tokens[:-1], {"target_tokens": tokens[1:], **arrays})

    return make


@pytest.fixture
def sample() -> Callable[..., SampleResult]:
    """The answer to one request."""

    def run(weights: Weights, prompt: Sequence[int] | Array, **settings: object) -> SampleResult:
        request = SampleRequest(**{"prompt": np.asarray(prompt, np.int64), "seed": 1, **settings})  # type: ignore[arg-type]
        decoder = Decoder(weights)
        decoder.add("it", request)
        while not decoder.idle:
            for _, answer in decoder.step():
                if isinstance(answer, InvalidInput):
                    raise answer
                return answer
        raise AssertionError("the decoder lost the request")

    return run


@pytest.fixture
def trained(rng: np.random.Generator, sequence: Callable[..., Datum]) -> Callable[[BaseModel], TrainingState]:
    """A run that has learnt a little, so that nothing is at its initial value."""

    def make(base: BaseModel) -> TrainingState:
        from mock_server.toy_model import AdamParams, LoraConfig

        state = TrainingState.fresh(base, LoraConfig(rank=4, seed=3))
        limit = min(base.vocab_size, base.prior_size or base.vocab_size)
        data = [sequence(rng.integers(0, limit, 30)) for _ in range(3)]
        for _ in range(5):
            state.forward_backward(data, "cross_entropy", {})
            state.optim_step(AdamParams(learning_rate=1e-3))
        return state

    return make
