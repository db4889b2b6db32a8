"""Undoes the Content-Encoding of a body that somebody listened to."""

from __future__ import annotations

import zlib
from typing import Final

LIMIT: Final = 64 * 1024 * 1024
"""No judged body is longer; a bomb must not hurt who only watches."""


def decoded(body: bytes, encoding: str) -> tuple[bytes, bool]:
    """The body without its encoding, and whether it is whole; as it is where the encoding is none that we know."""
    if not body or encoding in {"", "identity"}:
        return body, True
    try:
        if encoding in {"gzip", "deflate"}:
            # 47: gzip and zlib, whichever the header shows.
            inflating = zlib.decompressobj(47)
            plain = inflating.decompress(body, LIMIT)
            return plain, inflating.eof
        if encoding == "zstd":
            import zstandard  # noqa: PLC0415 - only where it is used

            reader = zstandard.ZstdDecompressor().stream_reader(body)
            plain = reader.read(LIMIT)
            return plain, not reader.read(1)
    except Exception:  # noqa: BLE001 - each library has errors of its own; a body that can't be read is not judged
        return b"", False
    return body, False
