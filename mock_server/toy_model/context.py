"""What the model sees of the past: fixed pseudo-random signs of the hashed last 1, 2, 3, 5, 8 and 16 tokens.

No table grows with the vocabulary: the signs are made from the ids. Short contexts weigh more, which lets the model
generalise from them; the long ones let it memorise (a model that sees three tokens only loops " is is is").
"""

from typing import NamedTuple

import numpy as np

from mock_server.toy_model.hashing import UInt64s, key_of, mix, stream
from mock_server.toy_model.values import Array, Int64s

FEATURES = 128
CONTEXT = 16  # tokens; nothing further back matters
ORDERS = (1, 2, 3, 5, 8, 16)
_ORDER_WEIGHTS = (1.2, 0.4, 0.2, 0.15, 0.15, 0.15)
OPINIONS = 64  # a base model holds this many different opinions of what comes next, chosen by the last two tokens

BEFORE_THE_BEGINNING = np.int64(-(1 << 63))  # stands where a sequence has no token yet

_LAST = np.array(ORDERS) - 1
_MULTIPLIERS = (stream(key_of("context"), CONTEXT) | np.uint64(1))[:, None]
_WORDS = FEATURES // 64
_SALTS = stream(key_of("features"), len(ORDERS) * _WORDS).reshape(len(ORDERS), _WORDS, 1)
_OPINION_SHIFT = np.uint64(64 - 6)
_STEPS_BACK = np.arange(CONTEXT)[:, None]


def _sums_of_signs(dtype: type) -> Array:
    """[64]: the weighted sum of six signs, looked up by their six bits, scaled to features of unit order."""
    bits = (np.arange(64)[:, None] >> np.arange(len(ORDERS))) & 1
    table: Array = ((1 - 2 * bits) @ np.array(_ORDER_WEIGHTS) / np.sqrt(FEATURES)).astype(dtype)
    return table


_TABLES = {np.dtype(t): _sums_of_signs(t) for t in (np.float32, np.float64)}


class Contexts(NamedTuple):
    """features: float [n, FEATURES].  opinion: intp [n], which of the base model's opinions applies."""

    features: Array
    opinion: Array


def windows(padded: Int64s, ends: Int64s) -> UInt64s:
    """The CONTEXT tokens up to and including each position in `ends`, newest first: uint64 [CONTEXT, n]."""
    gathered: UInt64s = padded.view(np.uint64)[ends - _STEPS_BACK]
    return gathered


def contexts(window: UInt64s, dtype: np.dtype[np.floating] = np.dtype(np.float32)) -> Contexts:  # noqa: B008
    """Features of each column of a window (uint64 [CONTEXT, n], newest first). A column depends on nothing else."""
    n = window.shape[1]
    running = np.add.accumulate(window * _MULTIPLIERS, axis=0)[_LAST]
    words = mix(running[:, None, :] + _SALTS)  # [orders, words, n]
    opinion = (words[1, 0] >> _OPINION_SHIFT).astype(np.intp)
    octets = np.ascontiguousarray(words.transpose(0, 2, 1)).view(np.uint8)
    bits = np.unpackbits(octets.reshape(len(ORDERS), n, _WORDS * 8), axis=-1)  # [orders, n, FEATURES]
    index = bits[-1]
    for order in reversed(range(len(ORDERS) - 1)):  # index = sum of bit << order, by doubling: numpy's shifts are slow
        index += index
        index += bits[order]
    return Contexts(_TABLES[dtype].take(index, mode="clip"), opinion)
