"""Input that was made to hurt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.server.batches import PROTOBUF
from contracts.server.raw import sent_raw
from contracts.server.runs import Run
from contracts.server.tenant import JSON, answer_of
from contracts.verdicts import Violation, check

if TYPE_CHECKING:
    from contracts.exchange import Exchange
    from contracts.server.asking import Asker

_UP: Final = (
    "../../../../../../../../etc/passwd",
    "..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
)
_PLACES: Final = (
    "/api/v1/{}",
    "/{}",
    "/api/v1/downloads/{}",
    "/api/v1/sessions/{}",
    "/api/v1/samplers/{}",
    "/api/v1/training_runs/{}",
    "/api/v1/training_runs/a:train:0/checkpoints/weights/{}",
)
_BAD_PATHS: Final = (
    "tinker://../../etc/weights/passwd",
    "tinker://a:train:0/weights/../../../../etc/passwd",
    "file:///etc/passwd",
)


@check("paths-lead-nowhere-else", requirement="SEC-TRAVERSAL", kind="security")
def paths_lead_nowhere_else(asker: Asker) -> None:
    """Dots in paths, raw and encoded, and in tinker paths, are refused and reach no file."""
    tenant = asker.tenant()
    key = {"x-api-key": tenant.key.encode()}
    for place in _PLACES:
        for up in _UP:
            answer = sent_raw(tenant.target.url, "GET", place.format(up), key)
            if answer_of(answer).status < 300 or b"root:" in answer_of(answer).body:
                raise Violation(f"status {answer_of(answer).status} where nothing is", answer)
    run = Run.new(tenant)
    for path in _BAD_PATHS:
        tenant.refused(tenant.post("/weights_info", tinker_path=path), 400, 404, 422)
        tenant.fails(run.load(path), 400, 404, 422)


@check("open-doors-lead-nowhere-else", requirement="SEC-TRAVERSAL", kind="security")
def open_doors_lead_nowhere_else(asker: Asker) -> None:
    """From a path that needs no key dots lead to none that does."""
    url = asker.target.url
    for way in ("/api/v1/healthz/../training_runs", "/api/v1/healthz/%2e%2e/training_runs", "/api/v1//training_runs"):
        answer = sent_raw(url, "GET", way, {})
        if answer_of(answer).status < 300:
            raise Violation(f"status {answer_of(answer).status} without a key", answer)


def bomb(size: int) -> bytes:
    """A zstd frame of so many zeros, 4 bytes for each 128 KiB: blocks that repeat one byte."""
    most = 128 * 1024
    blocks = []
    while size > 0:
        length = min(size, most)
        size -= length
        blocks.append(((length << 3) | (1 << 1) | (size <= 0)).to_bytes(3, "little") + b"\0")
    # No checksum, no dictionary, no content size; a window of 8 MiB.
    return b"\x28\xb5\x2f\xfd\x00\x68" + b"".join(blocks)


@check("bomb-is-defused", requirement="SEC-BOMB", kind="security")
def bomb_is_defused(asker: Asker) -> None:
    """64 KiB that unpack to 2 GiB are refused with 4xx, and the server goes on."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    headers = {"content-type": PROTOBUF, "content-encoding": "zstd"}
    answer = tenant.send("POST", "/forward_backward", content=bomb(2 * 1024**3), headers=headers)
    tenant.refused(answer, 400, 413, 415, 422)
    tenant.result(run.forward_backward())


@check("endless-body-is-refused", requirement="SEC-BIG-BODY", kind="security")
def endless_body_is_refused(asker: Asker) -> None:
    """A body that says that it will have a terabyte is refused with 413, before it has come."""
    tenant = asker.tenant()
    fields = {"x-api-key": tenant.key.encode(), "content-type": JSON.encode()}
    for path in ("/create_session", "/forward_backward", "/asample"):
        answer = sent_raw(tenant.target.url, "POST", f"/api/v1{path}", fields, b'{"tags": [', announced=2**40)
        tenant.refused(answer, 413)


@check("deep-json-is-refused", requirement="SEC-DEEP-JSON", kind="security")
def deep_json_is_refused(asker: Asker) -> None:
    """JSON that is nested a hundred thousand deep is refused with 4xx, and the server goes on."""
    tenant = asker.tenant()
    deep = b"[" * 100_000 + b"]" * 100_000
    deeper = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    for path, field in (
        ("/create_session", b"user_metadata"),
        ("/asample", b"prompt"),
        ("/forward_backward", b"forward_backward_input"),
    ):
        for nested in (deep, deeper):
            body = b'{"' + field + b'": ' + nested + b"}"
            _at_fault(tenant.send("POST", path, content=body, headers={"content-type": JSON}))
    tenant.session()


@check("odd-headers-do-no-harm", requirement="SEC-HEADER", kind="security")
def odd_headers_do_no_harm(asker: Asker) -> None:
    """Headers that are long, empty or not ASCII are read, ignored or refused, and never break the server."""
    tenant = asker.tenant()
    usual = {"x-api-key": tenant.key.encode(), "content-type": JSON.encode()}
    for name in ("user-agent", "x-idempotency-key", "accept", "content-type", "x-stainless-retry-count", "x-api-key"):
        for value in (b"", b"\xff\xfe\x80", "ключ".encode(), b"x" * 20_000, b"-1", b"AsyncTinker/Python 9999999999.x"):
            answer = sent_raw(
                tenant.target.url, "POST", "/api/v1/create_session", usual | {name: value}, b'{"tags": []}'
            )
            if answer_of(answer).status >= 500:
                raise Violation(f"status {answer_of(answer).status} to {name} of {value[:20]!r}", answer)
    tenant.session()


def _at_fault(answer: Exchange) -> None:
    """The answer must blame the caller."""
    if not 400 <= answer_of(answer).status < 500:
        raise Violation(f"status {answer_of(answer).status} where 4xx was due", answer)
