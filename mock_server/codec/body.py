"""Request bodies before anyone reads them: compression and the choice between protobuf and JSON."""

import zlib
from typing import Any

from pydantic_core import from_json

from mock_server.codec.errors import Malformed, shown


def is_protobuf(content_type: str) -> bool:
    """Whether a body of this Content-Type is protobuf; everything else, and nothing, is read as JSON."""
    return "application/x-protobuf" in content_type.lower()


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """The body under its Content-Encoding, at most limit bytes of it in memory.

    The SDK sends one zstd frame that states its size (its flag proto_compress_fwdbwd); gzip and deflate serve the rest.
    encoding: the header's value, "" without one.  Malformed: unknown coding, broken stream, more than limit bytes.
    """
    coding = encoding.strip().lower()
    if coding in {"", "identity"}:
        plain = body
    elif coding == "zstd":
        plain = _unzstd(body, limit)
    elif coding in {"gzip", "x-gzip", "deflate"}:
        plain = _inflate(body, coding, limit)
    else:
        raise Malformed(
            "Content-Encoding", f"is {shown(encoding)}", "use zstd, gzip or deflate, or send the body as it is"
        )
    if len(plain) > limit:
        raise _too_large(encoding, limit)
    return plain


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object that body holds: its texts fit for UTF-8, its numbers for JSON, its depth for any reader."""
    try:
        # Not json.loads, which lets NaN, lone surrogates and depths pass that nobody can store.
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise Malformed("body", f"of {len(body)} bytes is no JSON ({error})", "send one JSON object") from None
    if not isinstance(value, dict):
        raise Malformed("body", f"is {shown(value)}", "send one JSON object")
    return value


def _unzstd(body: bytes, limit: int) -> bytes:
    import zstandard  # noqa: PLC0415 - loaded when a client first compresses

    try:
        size = zstandard.get_frame_parameters(body).content_size
        if size == zstandard.CONTENTSIZE_UNKNOWN:
            size = limit  # a streaming compressor did not know it; a longer frame is an error of the line below
        elif size > limit:
            raise _too_large("zstd", limit)
        return zstandard.ZstdDecompressor().decompress(body, max_output_size=size, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise Malformed(
            "Content-Encoding",
            f"is 'zstd' but the body of {len(body)} bytes is no zstd frame of at most {limit} bytes ({error})",
            "compress the whole body as one zstd frame",
        ) from None


def _inflate(body: bytes, coding: str, limit: int) -> bytes:
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: gzip and zlib headers alike
    try:
        plain = stream.decompress(body, limit + 1)
    except zlib.error as error:
        problem = f"({error})"
    else:
        if len(plain) > limit or (stream.eof and not stream.unused_data):
            return plain
        problem = "(it ends early)" if not stream.eof else f"({len(stream.unused_data)} bytes follow it)"
    raise Malformed(
        "Content-Encoding",
        f"is {coding!r} but the body of {len(body)} bytes is no such stream {problem}",
        f"compress the whole body as one {coding} stream",
    )


def _too_large(encoding: str, limit: int) -> Malformed:
    return Malformed(
        "body",
        f"is larger than {limit} bytes (Content-Encoding: {shown(encoding)})",
        "split the data over several requests",
    )
