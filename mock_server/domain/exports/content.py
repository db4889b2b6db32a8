"""Bytes that are made when they are read, so that a file of ten gigabytes needs no room anywhere.

A content can be read from any position, which is what a resumed download asks for.
"""

from __future__ import annotations

from bisect import bisect_right
from hashlib import blake2b
from itertools import accumulate
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PIECE_BYTES: Final = 256 << 10
"""No piece is longer: what one reader holds in memory."""


class Content(Protocol):
    """Immutable bytes. `identity`: equal where the bytes are equal, and different for all practical purposes if not."""

    size: int
    identity: bytes

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from `start` up to but without `stop`, in pieces; 0 <= start <= stop <= size."""
        ...


class Bytes:
    """Bytes that are in memory anyway."""

    def __init__(self, content: bytes) -> None:
        self.size = len(content)
        self.identity = _digest(b"bytes", content)
        self._content = memoryview(content)

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        for at in range(start, stop, PIECE_BYTES):
            yield bytes(self._content[at : min(stop, at + PIECE_BYTES)])


class Loop:
    """A vector's bytes, repeated without end: what tensors of any size are cut from, at the speed of copying memory."""

    def __init__(self, content: bytes) -> None:
        self.period = len(content)
        self.identity = _digest(b"loop", content)
        # From any position within the first period, a whole piece can be read in one go.
        self._tiled = memoryview(content * (1 + -(-PIECE_BYTES // self.period)))

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        while start < stop:
            size = min(stop - start, PIECE_BYTES)
            at = start % self.period
            yield bytes(self._tiled[at : at + size])
            start += size


class Cut:
    """A part of a loop, from `offset` on."""

    def __init__(self, loop: Loop, offset: int, size: int) -> None:
        self.size = size
        self.identity = _digest(b"cut", loop.identity, str(offset % loop.period).encode(), str(size).encode())
        self._loop, self._offset = loop, offset % loop.period

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        return self._loop.read(self._offset + start, self._offset + stop)


class Joined:
    """Contents one behind the other."""

    def __init__(self, parts: Sequence[Content]) -> None:
        self._parts = [part for part in parts if part.size]
        self._ends = list(accumulate(part.size for part in self._parts))
        self.size = self._ends[-1] if self._ends else 0
        self.identity = _digest(b"joined", *(part.identity for part in self._parts))

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        at = bisect_right(self._ends, start)
        while start < stop:
            part, end = self._parts[at], self._ends[at]
            begin = end - part.size
            yield from part.read(start - begin, min(stop, end) - begin)
            start = min(stop, end)
            at += 1


def _digest(*parts: bytes) -> bytes:
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.digest()
