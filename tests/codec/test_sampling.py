"""Prompts become ids: text its tokens, media pseudo-ids that follow from the content."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tinker.proto import tinker_public_pb2 as sdk
from tinker.proto.request_conv import _write_chunk
from tinker.types import DmelChunk, EncodedTextChunk, ImageAssetPointerChunk, ImageChunk

from mock_server.codec import Malformed, prompt_ids, target_prompt_ids
from mock_server.codec.allowance import Allowance
from mock_server.codec.chunks import DEFAULT_IMAGE_TOKENS, MEDIA_ID_BASE, proto_ids

BODIES = Path(__file__).parent / "bodies"
PICTURE = b"\x89PNG any bytes"
AUDIO = bytes([1, 2, 5, 80]) + bytes(400)  # dtype 1, two dimensions, 5 frames of 80
Chunk = EncodedTextChunk | ImageChunk | ImageAssetPointerChunk | DmelChunk


def ids(*chunks: Chunk) -> list[int]:
    return list(map(int, prompt_ids([json.loads(chunk.model_dump_json(exclude_none=True)) for chunk in chunks])))


def through_protobuf(*chunks: Chunk) -> list[int]:
    messages = [sdk.Chunk() for _ in chunks]
    for message, chunk in zip(messages, chunks, strict=True):
        _write_chunk(message, chunk)
    return list(map(int, proto_ids(messages, "model_input", Allowance())))


def image(data: bytes = PICTURE, expected: int | None = 4) -> ImageChunk:
    return ImageChunk(data=data, format="png", expected_tokens=expected)


def test_text_chunks_are_joined_in_order() -> None:
    received = prompt_ids(
        [{"tokens": [1, 2], "type": "encoded_text"}, {"tokens": []}, {"tokens": [2**31 - 1], "type": None}]
    )
    assert received.tolist() == [1, 2, 2**31 - 1]
    assert received.dtype == np.int64


def test_an_empty_prompt_has_no_ids() -> None:
    assert prompt_ids([]).tolist() == []
    assert prompt_ids([]).dtype == np.int64


def test_an_image_takes_its_expected_positions_between_the_text() -> None:
    received = ids(EncodedTextChunk(tokens=[7]), image(expected=3), EncodedTextChunk(tokens=[8]))
    assert received[0] == 7
    assert received[-1] == 8
    assert len(received) == 5
    assert len(set(received)) == 5
    assert min(received[1:-1]) >= MEDIA_ID_BASE


def test_media_ids_follow_from_the_content_alone() -> None:
    assert ids(image()) == ids(image())
    assert set(ids(image())).isdisjoint(ids(image(b"another picture")))
    # The same in every process: sampled numbers are compared across restarts.
    assert ids(image(expected=1)) == [2723386966866188323]


@pytest.mark.parametrize(
    "chunk", [EncodedTextChunk(tokens=[3, 1]), image(), image(expected=None), DmelChunk(dmel=AUDIO)]
)
def test_training_and_sampling_see_the_same_ids(chunk: Chunk) -> None:
    assert through_protobuf(chunk) == ids(chunk)


def test_audio_takes_as_many_positions_as_the_sdk_counts() -> None:
    constant = b"\xfe" + AUDIO[:3] + bytes([0x81, 0x01])  # 0x81 0x01: a varint of two bytes, 129
    for chunk in (DmelChunk(dmel=AUDIO), DmelChunk(dmel=bytes([0, 1, 0x81, 0x01])), DmelChunk(dmel=constant)):
        assert len(ids(chunk)) == chunk.length
    assert DmelChunk(dmel=AUDIO).length == 5


def test_images_without_expected_tokens_get_a_default() -> None:
    pointer = ImageAssetPointerChunk(location="https://example.com/cat.png", format="png")
    assert len(ids(image(expected=None))) == len(ids(pointer)) == DEFAULT_IMAGE_TOKENS


def test_recorded_prompts_are_read() -> None:
    body = json.loads((BODIES / "sdk-0.38.0-asample-image.json").read_text())
    received = prompt_ids(body["prompt"]["chunks"])
    assert len(received) == 4
    assert received[-1] == 1
    body = json.loads((BODIES / "sdk-0.38.0-asample-targets.json").read_text())
    received = prompt_ids(body["prompt"]["chunks"])
    targets, layout = target_prompt_ids(body["target_prompt_logprobs"], len(received))
    assert targets.tolist() == [[5], [6]]
    assert layout is None


@pytest.mark.parametrize(
    ("chunk", "complaint"),
    [
        (7, r"prompt.chunks\[0\] is 7"),
        ({}, r"prompt.chunks\[0\].type is None"),
        ({"type": ["image"]}, r"prompt.chunks\[0\].type is \['image'\]"),
        ({"type": "video"}, r"prompt.chunks\[0\].type is 'video'"),
        ({"tokens": None}, r"prompt.chunks\[0\].tokens is None"),
        ({"tokens": [1, -5]}, r"prompt.chunks\[0\].tokens holds -5"),
        ({"tokens": [MEDIA_ID_BASE]}, r"prompt.chunks\[0\].tokens holds 1099511627776"),
        ({"type": "image", "data": "!", "format": "png"}, r"prompt.chunks\[0\].data is '!': send the bytes in base64"),
        ({"type": "image", "data": "é", "format": "png"}, r"prompt.chunks\[0\].data is 'é'"),
        ({"type": "image", "data": "", "format": "png"}, r"prompt.chunks\[0\] holds no image"),
        (
            {"type": "image", "data": "AAAA", "format": "webp"},
            r"prompt.chunks\[0\].format is 'webp': send 'png' or 'jpeg'",
        ),
        ({"type": "image", "data": "AAAA", "format": ["png"]}, r"prompt.chunks\[0\].format is \['png'\]"),
        ({"type": "image", "data": "AAAA", "format": "png", "expected_tokens": 0}, r"expected_tokens is 0"),
        ({"type": "image", "data": "AAAA", "format": "png", "expected_tokens": True}, r"expected_tokens is True"),
        (
            {"type": "image", "data": "AAAA", "format": "png", "expected_tokens": 2**31},
            r"expected_tokens expands to 2147483648",
        ),
        ({"type": "image_asset_pointer", "format": "png"}, r"prompt.chunks\[0\].location is None"),
        ({"type": "dmel", "dmel": ""}, r"prompt.chunks\[0\].dmel of 0 bytes is no TensorContainer"),
        ({"type": "dmel", "dmel": base64.b64encode(b"\x09\x01\x05").decode()}, r"is no TensorContainer"),
        ({"type": "dmel", "dmel": base64.b64encode(b"\x01\x00").decode()}, r"without dimensions"),
        ({"type": "dmel", "dmel": base64.b64encode(b"\x01\x02\x85").decode()}, r"ends within its header"),
    ],
)
def test_a_chunk_that_cannot_be_read_is_named(chunk: Any, complaint: str) -> None:
    with pytest.raises(Malformed, match=complaint):
        prompt_ids([chunk])


def test_a_prompt_is_a_list() -> None:
    for prompt in (None, "text", {"tokens": [1]}):
        with pytest.raises(Malformed, match=r"prompt.chunks is"):
            prompt_ids(prompt)  # type: ignore[arg-type]


def test_sparse_target_ids_ask_nothing_where_they_list_nothing() -> None:
    tensor = {
        "data": [0, 7],
        "dtype": "int64",
        "shape": [2, 3],
        "sparse_crow_indices": [0, 1, 2],
        "sparse_col_indices": [2, 0],
    }
    targets, layout = target_prompt_ids(tensor, positions=3)
    assert targets.tolist() == [[-1, -1, 0], [7, -1, -1]]
    assert layout is not None
    assert layout.rows().tolist() == [0, 1]
    assert layout.cols.tolist() == [2, 0]


@pytest.mark.parametrize(
    ("tensor", "complaint"),
    [
        (None, "target_prompt_logprobs is None"),
        ({"data": [1.0, 2.0], "dtype": "float32", "shape": [2, 1]}, "target_prompt_logprobs.dtype is 'float32'"),
        ({"data": [1, 2], "dtype": "int64", "shape": [2]}, r"target_prompt_logprobs.shape is \[2\]: .* takes \[2, K\]"),
        ({"data": [1, 2], "dtype": "int64", "shape": [1, 2]}, r"target_prompt_logprobs.shape is \[1, 2\]"),
    ],
)
def test_target_ids_that_do_not_fit_the_prompt_are_refused(tensor: Any, complaint: str) -> None:
    with pytest.raises(Malformed, match=complaint):
        target_prompt_ids(tensor, positions=3)
