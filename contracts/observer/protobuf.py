"""Fields of a protobuf message without its schema: a few numbers of a long body, read without decoding the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Field:
    """value: of a varint; -1 for other wire types. start, end: the whole field; content: where its bytes begin."""

    number: int
    value: int
    start: int
    content: int
    end: int

    def bytes_of(self, message: bytes) -> bytes:
        """The bytes of a length-delimited field."""
        return message[self.content : self.end]


def fields(message: bytes) -> Iterator[Field]:
    """The fields in the order of the message. ValueError: it is no protobuf."""
    at, size = 0, len(message)
    while at < size:
        start = at
        tag, at = _varint(message, at)
        value, content = -1, at
        match tag & 7:
            case 0:
                value, at = _varint(message, at)
            case 1:
                at += 8
            case 2:
                length, content = _varint(message, at)
                at = content + length
            case 5:
                at += 4
            case wire_type:
                raise ValueError(f"wire type {wire_type} at byte {start}")
        if at > size or tag < 8:
            raise ValueError(f"the field at byte {start} of {size} does not end")
        yield Field(tag >> 3, value, start, content, at)


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 70:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError(f"a number at byte {at} does not end")
