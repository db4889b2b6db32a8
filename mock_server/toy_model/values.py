"""The values that cross the border of the toy model: plain, immutable, without behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # a number array whose dtype follows its source: float32 in service, float64 in gradient checks
Int64s = NDArray[np.int64]


STAND_INS_FROM = 1 << 40
"""Context ids from here on stand for positions of an image or a sound."""


@dataclass(frozen=True)
class BaseModel:
    """Identity of a base model. Equal identities give equal numbers, in every process.

    name: seeds the pseudo-random part, so different models give different numbers.
    vocab_size: size of the real model's vocabulary; every id below it is a valid target.
    prior_size: None, the prior covers the whole vocabulary; n, it covers ids < n (a tokenizer served by the hub).
        Other ids then start at about -30 nats: valid as targets, never sampled until trained.
    end_of_text: end-of-sequence ids, which together have a prior of about 5 % a token.
    """

    name: str
    vocab_size: int
    prior_size: int | None = None
    end_of_text: tuple[int, ...] = ()


@dataclass(frozen=True)
class LoraConfig:
    """The adapter of one run. The seed decides the initial A; B starts at zero, so a fresh adapter is inert."""

    rank: int = 32
    seed: int = 0
    train_mlp: bool = True
    train_attn: bool = True
    train_unembed: bool = True


@dataclass(frozen=True)
class Datum:
    """One training example.

    tokens: int64 [n], the context ids. Text ids, or any int64 that stands for one position of an image or a sound.
    inputs: loss_fn_inputs by name, [n] or [n, K]; position i is about the token that follows tokens[: i + 1].
    """

    tokens: Int64s
    inputs: Mapping[str, Array]


@dataclass(frozen=True)
class AdamParams:
    """One step of Adam with decoupled weight decay; the defaults are the SDK's. grad_clip_norm <= 0: no clipping."""

    learning_rate: float = 1e-4
    beta1: float = 0.9
    beta2: float = 0.95
    eps: float = 1e-12
    weight_decay: float = 0.0
    grad_clip_norm: float = 0.0


@dataclass(frozen=True)
class DimuonParams:
    """One step of dimuon; the defaults are the SDK's. grad_clip_norm <= 0: no clipping."""

    learning_rate: float
    grad_clip_norm: float = 0.0
    beta1: float = 0.9


@dataclass(frozen=True)
class ForwardBackwardResult:
    """outputs: per datum {"logprobs": float32, shaped like its target_tokens}, in nats.
    metrics: finite numbers under "name:reduction" keys; "loss:sum" is always there.
    """

    outputs: list[dict[str, NDArray[np.float32]]]
    metrics: dict[str, float]
