"""The trainable half of the model: one LoRA pair on each of the two softmaxes.

All parameters live in one flat vector, so that an optimizer step is a handful of passes over contiguous memory.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from mock_server.toy_model.base_tables import base_tables
from mock_server.toy_model.context import FEATURES
from mock_server.toy_model.errors import InvalidInput
from mock_server.toy_model.hashing import key_of, noise, signs
from mock_server.toy_model.values import Array, BaseModel, LoraConfig

# The module kinds a LoraConfig can switch are stand-ins here: each kind owns a share of the context features that the
# adapter may read. A kind that is off leaves its rows of A at zero, for ever.
_KINDS = {"train_attn": slice(0, 48), "train_mlp": slice(48, 96), "train_unembed": slice(96, FEATURES)}

# A is small and its output scaled up, so that steps of an ordinary learning rate turn A too and the adapter learns
# which features matter; with A of unit size only B would move in the first thousand steps, and memorise far worse.
_DEVIATION = 1 / 64
_GAIN = 1024.0  # divided by the rank, like LoRA's alpha: the same learning rate then suits every rank


class Matrices(NamedTuple):
    """Views of one flat vector.

    class_a, token_a: [FEATURES, rank].  class_b: [rank, classes].  token_b: [rank, width].
    """

    class_a: Array
    token_a: Array
    class_b: Array
    token_b: Array


@dataclass(frozen=True)
class AdapterShape:
    """Where each matrix lies in the flat vector."""

    rank: int
    classes: int
    width: int

    @classmethod
    def of(cls, base: BaseModel, lora: LoraConfig) -> "AdapterShape":
        if lora.rank < 1:
            raise InvalidInput(f"lora_config.rank is {lora.rank}: give a rank of at least 1")
        tables = base_tables(base)
        return cls(lora.rank, tables.classes, tables.width)

    @property
    def size(self) -> int:
        return self.rank * (2 * FEATURES + self.classes + self.width)

    @property
    def scale(self) -> float:
        """What the output of A is multiplied by, alpha / r in LoRA's terms."""
        return _GAIN / _DEVIATION / self.rank

    def matrices(self, flat: Array) -> Matrices:
        """The matrices in `flat` ([size]), as views."""
        parts = ((FEATURES, self.rank), (FEATURES, self.rank), (self.rank, self.classes), (self.rank, self.width))
        matrices, start = [], 0
        for rows, columns in parts:
            matrices.append(flat[start : start + rows * columns].reshape(rows, columns))
            start += rows * columns
        return Matrices(*matrices)


def fresh_adapter(shape: AdapterShape, lora: LoraConfig) -> Array:
    """The parameters of an untrained run, float32 [size]: A pseudo-random from the LoRA seed, B zero."""
    flat = np.zeros(shape.size, np.float32)
    matrices, switched_off = shape.matrices(flat), ~trained_features(lora)
    for part, a in (("class", matrices.class_a), ("token", matrices.token_a)):
        a[:] = noise(key_of("lora", part, lora.seed), a.shape, _DEVIATION)
        a[switched_off] = 0.0
    return flat


def trained_features(lora: LoraConfig) -> Array:
    """The context features that this adapter may read, bool [FEATURES]."""
    trained = np.zeros(FEATURES, bool)
    for switch, rows in _KINDS.items():
        trained[rows] = getattr(lora, switch)
    return trained


@lru_cache(maxsize=32)
def class_signs(classes: int, rank: int) -> Array:
    """A sign pattern a class, which makes the token softmax know its class: float32 [classes, rank]."""
    pattern = signs(key_of("class signs", classes, rank), (classes, rank))
    pattern.flags.writeable = False
    return pattern
