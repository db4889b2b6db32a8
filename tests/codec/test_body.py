"""Bodies come compressed or not, and never larger than allowed."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
import zstandard

from mock_server.codec import Malformed, decompress, is_protobuf, json_object

PLAIN = b"training data " * 500
LIMIT = 100_000
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "zstd": zstandard.ZstdCompressor().compress,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
}


def zstd_stream(data: bytes) -> bytes:
    """A frame that does not say how large it is, as streaming compressors write it."""
    compressor = zstandard.ZstdCompressor().compressobj()
    return compressor.compress(data) + compressor.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("", PLAIN),
        ("identity", PLAIN),
        ("zstd", zstandard.ZstdCompressor().compress(PLAIN)),
        (" ZSTD ", zstandard.ZstdCompressor().compress(PLAIN)),
        ("zstd", zstd_stream(PLAIN)),
        ("gzip", gzip.compress(PLAIN, mtime=0)),
        ("deflate", zlib.compress(PLAIN)),
    ],
)
def test_each_coding_gives_back_the_body(encoding: str, body: bytes) -> None:
    assert decompress(body, encoding, LIMIT) == PLAIN


@pytest.mark.parametrize("encoding", COMPRESSORS)
def test_a_body_may_be_as_large_as_the_limit(encoding: str) -> None:
    assert len(decompress(COMPRESSORS[encoding](b"x" * LIMIT), encoding, LIMIT)) == LIMIT
    with pytest.raises(Malformed, match=r"100000 bytes"):
        decompress(COMPRESSORS[encoding](b"x" * (LIMIT + 1)), encoding, LIMIT)


def test_an_unknown_coding_is_named_with_its_header() -> None:
    with pytest.raises(Malformed, match=r"Content-Encoding is 'br': use zstd, gzip or deflate"):
        decompress(PLAIN, "br", LIMIT)


@pytest.mark.parametrize(
    ("encoding", "bomb"),
    [
        ("zstd", zstandard.ZstdCompressor().compress(bytes(50_000_000))),
        ("zstd", zstd_stream(bytes(50_000_000))),
        ("gzip", gzip.compress(bytes(50_000_000), mtime=0)),
        ("", bytes(LIMIT + 1)),
    ],
)
def test_a_bomb_is_refused_before_it_expands(encoding: str, bomb: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(Malformed, match=r"100000 bytes"):
            decompress(bomb, encoding, LIMIT)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", COMPRESSORS)
@pytest.mark.parametrize(
    "damage", [lambda body: body[:-3], lambda body: body + b"more", lambda _: b"", lambda _: b"no"]
)
def test_a_damaged_stream_is_refused(encoding: str, damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(Malformed, match=encoding):
        decompress(damage(COMPRESSORS[encoding](PLAIN)), encoding, LIMIT)


def test_only_its_own_content_type_is_protobuf() -> None:
    assert is_protobuf("application/x-protobuf")
    assert is_protobuf("Application/X-Protobuf; messageType=x")
    assert not is_protobuf("application/json")
    assert not is_protobuf("")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"3", b"{", b"\xff{}", b'{"a":' * 100_000, b'{"model_id":"\\ud800"}', b'{"model_id":"\xed\xa0\x80"}'],
)
def test_what_is_no_storable_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed, match="body"):
        json_object(body)


def test_escaped_characters_outside_the_basic_plane_are_read() -> None:
    assert json_object(b'{"name": "\\ud83d\\ude00"}') == {"name": "\U0001f600"}
