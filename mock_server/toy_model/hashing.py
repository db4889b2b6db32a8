"""Pseudo-random numbers as a pure function of their key, so that every process agrees on them without a seed file.

The mixer is splitmix64 (Steele, Lea, Flood 2014). numpy's own generators are not used: their streams may change
between numpy releases, and a model that changes with an upgrade would break stored checkpoints.
"""

import hashlib
from math import prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

UInt64s = NDArray[np.uint64]

_GOLDEN = 0x9E3779B97F4A7C15
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_MASK = (1 << 64) - 1


def key_of(*parts: str | int) -> int:
    """A 64-bit key of these parts, the same on every machine."""
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def mix(x: UInt64s) -> UInt64s:
    """splitmix64's finalizer, in place; every bit of the result depends on every bit of x."""
    x ^= x >> _S30
    x *= _M1
    x ^= x >> _S27
    x *= _M2
    x ^= x >> _S31
    return x


def stream(key: int, n: int) -> UInt64s:
    """The first n outputs of splitmix64 started at key, uint64 [n]."""
    counter = np.arange(1, n + 1, dtype=np.uint64)
    counter *= np.uint64(_GOLDEN)
    counter += np.uint64(key & _MASK)
    return mix(counter)


def to_unit(bits: UInt64s) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1), float64, of 53 bits each."""
    unit: NDArray[np.float64] = (bits >> _S11).astype(np.float64)
    unit *= 2.0**-53
    return unit


def noise(key: int, shape: tuple[int, ...], deviation: float) -> NDArray[np.float32]:
    """Uniform numbers with mean 0 and the given standard deviation, float32 of that shape."""
    flat: NDArray[np.float32] = ((to_unit(stream(key, prod(shape))) * 2 - 1) * (sqrt(3) * deviation)).astype(np.float32)
    return flat.reshape(shape)


def signs(key: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Fair coin flips of -1 and +1, float32 of that shape."""
    bits: NDArray[Any] = stream(key, prod(shape)) >> np.uint64(63)
    return (bits.astype(np.float32) * 2 - 1).reshape(shape)
