"""What a request says of itself, whatever its encoding: its session, run or sampler, and its seq_id."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from mock_server.codec import Malformed, decode_header, decompress, is_protobuf

_LONGEST: Final = 256 << 20  # bytes of a decompressed body, the default of the setting max_body_bytes
_IN_PATH: Final = re.compile(r"/(sessions|training_runs|models|samplers|downloads)/([^/]+)")


@dataclass(frozen=True)
class Facts:
    """None where the request does not say."""

    session: str | None = None
    run: str | None = None
    sampler: str | None = None
    seq_id: int | None = None


def facts_of(path: str, headers: dict[str, str], body: bytes) -> Facts:
    """What a request's path and body say. A body that can't be read says nothing: the door will refuse it."""
    said = _said(headers, body)
    session, run, sampler = (_text(said.get(name)) for name in ("session_id", "model_id", "sampling_session_id"))
    found = _IN_PATH.search(path)
    if found is not None:
        noun, named = found.groups()
        session = named if noun == "sessions" else session
        sampler = named if noun == "samplers" else sampler
        run = named if noun in {"training_runs", "models", "downloads"} else run
    if session is None:
        session = (run or sampler or "").partition(":")[0] or None
    seq_id = said.get("seq_id")
    return Facts(session, run, sampler, seq_id if isinstance(seq_id, int) else None)


def _said(headers: dict[str, str], body: bytes) -> dict[str, Any]:
    content_type = headers.get("content-type", "")
    try:
        if is_protobuf(content_type):
            header = decode_header(
                decompress(body, headers.get("content-encoding", ""), len(body) + _LONGEST), content_type
            )
            return {"model_id": header.model_id, "seq_id": header.seq_id}
        said = json.loads(body)
    except (ValueError, Malformed):
        return {}
    return said if isinstance(said, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
