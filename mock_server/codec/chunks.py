"""Model input as token ids: text is its tokens, an image or audio chunk is one pseudo-id per position.

Pseudo-ids lie above every vocabulary and follow from the content alone, so that the same picture means the same to the
model in every request and every process, and another picture something else.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np

from mock_server.codec.allowance import Allowance
from mock_server.codec.errors import Malformed, shown
from mock_server.codec.schema import INT32
from mock_server.codec.sparse import Ints
from mock_server.codec.tensors import from_bytes, json_numbers
from mock_server.toy_model.values import STAND_INS_FROM

MEDIA_ID_BASE = STAND_INS_FROM
"""Ids from here on are positions of media, not tokens."""

DEFAULT_IMAGE_TOKENS = 64
"""Positions of an image that names no expected_tokens.

The official backend measures the picture; the SDK itself refuses to say how long such input is, so nobody can align
targets with it and any constant serves: this one is a 224 x 224 picture in patches of 28 x 28.
"""

_MAX_TOKEN = (1 << 31) - 1


def proto_ids(chunks: Iterable[Any], field: str, allowance: Allowance) -> Ints:
    """The ids of a protobuf model_input, [positions]."""
    return _joined([_proto_chunk(chunk, f"{field}[{i}]", allowance) for i, chunk in enumerate(chunks)])


def json_ids(chunks: Any, field: str, allowance: Allowance) -> Ints:
    """The ids of a JSON list of chunks, [positions]."""
    if not isinstance(chunks, Sequence) or isinstance(chunks, str | bytes):
        raise Malformed(field, f"is {shown(chunks)}", "send a list of chunks")
    return _joined([_json_chunk(chunk, f"{field}[{i}]", allowance) for i, chunk in enumerate(chunks)])


def _proto_chunk(chunk: Any, field: str, allowance: Allowance) -> Ints:
    kind = chunk.WhichOneof("chunk")
    if kind == "encoded_text":
        return _tokens(from_bytes(chunk.encoded_text.tokens, INT32, f"{field}.tokens"), field)
    if kind == "image":
        image = chunk.image
        expected = image.expected_tokens if image.HasField("expected_tokens") else None
        return _image(image.data, image.format, expected, field, allowance)
    if kind == "dmel":
        return _audio(chunk.dmel.dmel, field, allowance)
    raise Malformed(field, "is empty", "set encoded_text, image or dmel")


def _json_chunk(chunk: Any, field: str, allowance: Allowance) -> Ints:
    if not isinstance(chunk, Mapping):
        raise Malformed(field, f"is {shown(chunk)}", "send a chunk such as {type: 'encoded_text', tokens}")
    kind = chunk.get("type")
    if kind is None and "tokens" in chunk:
        kind = "encoded_text"  # clients before 0.15 send no type, and nothing but text
    if kind == "encoded_text":
        return _tokens(json_numbers(chunk.get("tokens"), np.dtype(np.int64), f"{field}.tokens"), field)
    expected = chunk.get("expected_tokens")
    if kind == "image":
        return _image(_unbase64(chunk.get("data"), f"{field}.data"), chunk.get("format"), expected, field, allowance)
    if kind == "image_asset_pointer":
        location = chunk.get("location")
        if not isinstance(location, str):
            raise Malformed(f"{field}.location", f"is {shown(location)}", "send the address of the image")
        address = location.encode(errors="surrogatepass")
        return _image(address, chunk.get("format"), expected, field, allowance)
    if kind == "dmel":
        return _audio(_unbase64(chunk.get("dmel"), f"{field}.dmel"), field, allowance)
    raise Malformed(f"{field}.type", f"is {shown(kind)}", "send encoded_text, image, image_asset_pointer or dmel")


def _tokens(ids: Ints, field: str) -> Ints:
    if ids.size and (ids.min() < 0 or ids.max() > _MAX_TOKEN):
        bad = int(ids[(ids < 0) | (ids > _MAX_TOKEN)][0])
        raise Malformed(f"{field}.tokens", f"holds {bad}", "token ids are whole numbers from 0 to the vocabulary's end")
    return ids


def _image(content: bytes, kind: Any, expected: Any, field: str, allowance: Allowance) -> Ints:
    if not content:
        raise Malformed(field, "holds no image", "send its bytes or its location")
    if kind not in ("png", "jpeg"):
        raise Malformed(f"{field}.format", f"is {shown(kind)}", "send 'png' or 'jpeg'")
    if expected is None:
        expected = DEFAULT_IMAGE_TOKENS
    if not isinstance(expected, int) or isinstance(expected, bool) or expected < 1:
        raise Malformed(f"{field}.expected_tokens", f"is {shown(expected)}", "send a positive number, or leave it out")
    return _media_ids(content, expected, f"{field}.expected_tokens", allowance)


def _audio(container: bytes, field: str, allowance: Allowance) -> Ints:
    """One position per frame, as the SDK counts them: the first dimension in the TensorContainer's header."""
    header = container[:20].removeprefix(b"\xfe")  # 0xfe marks a constant tensor
    if not header or header[0] > 7:
        raise Malformed(
            f"{field}.dmel", f"of {len(container)} bytes is no TensorContainer", "send one, dtype byte 0 to 7 first"
        )
    dimensions, rest = _varint(header[1:], field)
    if dimensions < 1:
        raise Malformed(f"{field}.dmel", "holds a tensor without dimensions", "send [frames, ...]")
    frames, _ = _varint(rest, field)
    return _media_ids(container, frames, f"{field}.dmel", allowance)


def _varint(data: bytes, field: str) -> tuple[int, bytes]:
    value = 0
    for i, byte in enumerate(data[:9]):
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return value, data[i + 1 :]
    raise Malformed(f"{field}.dmel", "ends within its header", "send the whole TensorContainer")


def _media_ids(content: bytes, positions: int, field: str, allowance: Allowance) -> Ints:
    allowance.take(positions, field)
    start = MEDIA_ID_BASE + (int.from_bytes(blake2b(content, digest_size=8).digest(), "little") >> 2)
    return np.arange(start, start + positions, dtype=np.int64)


def _unbase64(text: Any, field: str) -> bytes:
    try:
        if isinstance(text, str):
            return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise Malformed(field, f"is {shown(text)}", "send the bytes in base64")


def _joined(parts: list[Ints]) -> Ints:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
