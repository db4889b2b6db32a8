"""What the wire's bytes mean to the model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Table = tuple[NDArray[Any], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Datum:
    tokens: NDArray[np.int64]
    inputs: Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class ForwardBackwardResult:
    outputs: list[dict[str, NDArray[np.float32]]]
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class Sequence_:  # noqa: N801
    tokens: NDArray[np.int32]
    logprobs: NDArray[np.float32]
    stop_reason: Literal["stop", "length"]
    topk: Table | None = None


@dataclass(frozen=True, slots=True)
class SampleResult:
    sequences: list[Sequence_]
    prompt_logprobs: NDArray[np.float32] | None = None
    topk_prompt: Table | None = None
    target_prompt_logprobs: NDArray[np.float32] | None = None
    prompt_alt_tokens: Table | None = None
