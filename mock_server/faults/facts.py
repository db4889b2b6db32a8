"""What a request says of itself, whatever its encoding: its session, run, sampler or checkpoint, and its seq_id."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from mock_server.codec import Malformed, decode_header, decompress, is_protobuf
from mock_server.domain import ids
from mock_server.domain.paths import KINDS, SCHEME
from mock_server.head import header

if TYPE_CHECKING:
    from starlette.types import Scope

_LONGEST: Final = 256 << 20  # bytes of a decompressed body, the default of the setting max_body_bytes
_IN_PATH: Final = re.compile(r"/(sessions|training_runs|models|samplers|downloads)/([^/]+)")
_CHECKPOINT: Final = re.compile(
    rf"/(?:training_runs|models|downloads)/([^/]+)(?:/checkpoints)?/((?:{'|'.join(KINDS)})/[^/]+)"
)
_SIGNED_FOR: Final = re.compile(r"(?:^|&)tenant=([0-9a-f]{16})(?:&|$)")
_SAVED: Final = {
    "save_weights": "weights",
    "save_weights_for_sampler": "sampler_weights",
    "save_weights_external": "external_weights",
}
_PATHS: Final = ("path", "model_path", "tinker_path", "source_path")


@dataclass(frozen=True)
class Asked:
    """What a request id stands for: target is the training run or the sampler of the operation."""

    kind: str
    target: str
    seq_id: int | None


AskedOf = Callable[[str], Asked | None]
"""The operation of a request id."""


@dataclass(frozen=True)
class Facts:
    """None where the request does not say. checkpoint: its tinker:// path. polled: the kind of the operation whose
    result is asked for. sdk_version: what the client calls itself.
    """

    session: str | None = None
    run: str | None = None
    sampler: str | None = None
    checkpoint: str | None = None
    seq_id: int | None = None
    polled: str | None = None
    sdk_version: str | None = None


def facts_of(
    path: str,
    headers: dict[str, str],
    body: bytes,
    operation: str | None = None,
    asked_of: AskedOf = lambda _: None,
) -> Facts:
    """What a request's path and body say. A body that can't be read says nothing: the door will refuse it.

    A poll is about the run or the sampler of the operation that it asks for, where `asked_of` knows it.
    """
    said = _said(headers, body)
    of_poller = said.get("target")  # of one who polls for a whole sampler
    told = {**said, **of_poller} if isinstance(of_poller, dict) else said
    session, run, sampler = (_text(told.get(name)) for name in ("session_id", "model_id", "sampling_session_id"))
    found = _IN_PATH.search(path)
    if found is not None:
        noun, named = found.groups()
        session = named if noun == "sessions" else session
        sampler = named if noun == "samplers" else sampler
        run = named if noun in {"training_runs", "models", "downloads"} else run
    if run is None and session is not None and isinstance(said.get("model_seq_id"), int):
        run = ids.training_run_id(session, said["model_seq_id"])
    seq_id = said.get("seq_id")
    version = _text(said.get("sdk_version")) or headers.get("x-stainless-package-version")
    facts = Facts(
        session or (run or sampler or "").partition(":")[0] or None,
        run,
        sampler,
        _checkpoint(operation, path, run, said),
        seq_id if isinstance(seq_id, int) else None,
        sdk_version=version,
    )
    asked = asked_of(str(said["request_id"])) if "request_id" in said else None
    if asked is None:
        return facts
    sampled = asked.kind == "sample"
    return replace(
        facts,
        session=ids.session_of(asked.target),
        run=None if sampled else asked.target,
        sampler=asked.target if sampled else None,
        seq_id=asked.seq_id,
        polled=asked.kind,
    )


def whose(scope: Scope, tenant_of: Callable[[str], str | None]) -> str | None:
    """The tenant of a request: of its key or, where the address is signed, of who had it signed.

    tenant_of: whose an X-API-Key header is.
    """
    query = scope["query_string"]
    if b"signature=" in query:  # a key says nothing beside it
        found = _SIGNED_FOR.search(query.decode("latin-1"))
        return None if found is None else found[1]
    key = header(scope, b"x-api-key")
    return None if key is None else tenant_of(key)


def _checkpoint(operation: str | None, path: str, run: str | None, said: dict[str, Any]) -> str | None:
    found = _CHECKPOINT.search(path)
    if found is not None:
        return SCHEME + "/".join(found.groups())
    named = next((value for value in map(_text, map(said.get, _PATHS)) if value), None)
    if named is None or named.startswith(SCHEME):
        return named
    kind = _SAVED.get(operation or "")
    return None if kind is None else f"{SCHEME}{run}/{kind}/{named}"


def _said(headers: dict[str, str], body: bytes) -> dict[str, Any]:
    content_type = headers.get("content-type", "")
    try:
        if is_protobuf(content_type):
            header = decode_header(
                decompress(body, headers.get("content-encoding", ""), len(body) + _LONGEST), content_type
            )
            return {"model_id": header.model_id, "seq_id": header.seq_id}
        said = json.loads(body)
    except (ValueError, RecursionError, Malformed):
        return {}
    return said if isinstance(said, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
