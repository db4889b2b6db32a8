"""The journal as people and programs read it: JSON of entries, and files of exchanges."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from contracts.exchange import Request, Response
    from mock_server.journal.entry import Entry

Format = Literal["jsonl", "har"]


def shown(entry: Entry, *, bodies: bool = False) -> dict[str, Any]:
    """An entry as JSON values. Bodies are shown by size and hash, and on request whole."""
    exchange = entry.exchange
    request, response = exchange.request, exchange.response
    asked = {"method": request.method, "path": request.path, "query": request.query, **_message(request, bodies)}
    return {
        "number": entry.number,
        "time": datetime.fromtimestamp(entry.at, UTC).isoformat().replace("+00:00", "Z"),
        "tenant": entry.tenant,
        "operation": entry.operation,
        "seconds": None if entry.in_flight else round(exchange.ended - exchange.started, 6),
        "in_flight": entry.in_flight,
        "request": asked,
        "response": None if response is None else {"status": response.status, **_message(response, bodies)},
        "faults": list(entry.faults),
        "verdicts": [_verdict(check, evidence) for check, evidence in entry.verdicts],
    }


def export(entries: Sequence[Entry], form: Format) -> Iterator[str]:
    """A file of exchanges, piece by piece; `contracts.capture.read` and `entry_of` make entries of it again."""
    from contracts import capture, har  # noqa: PLC0415 - only who exports needs it

    if form == "jsonl":
        yield from (capture.line_of(entry.noted()) for entry in entries)
        return
    yield har.HEAD
    for index, entry in enumerate(entries):
        yield ",\n" if index else "\n"
        # The clock of durations has a zero of its own; what an archive tells is the server's time.
        yield har.entry_of(entry.noted(), entry.at - entry.exchange.started)
    yield har.TAIL


def _message(message: Request | Response, bodies: bool) -> dict[str, Any]:
    from contracts.capture import body_as_json  # noqa: PLC0415 - only who asks needs it

    body: dict[str, Any] | None = None
    if message.body or not message.whole:
        body = {"bytes": len(message.body), "hash": blake2b(message.body, digest_size=16).hexdigest()}
        body |= {} if message.whole else {"whole": False}
        body |= (body_as_json(message) or {}) if bodies else {}
    return {"headers": dict(message.headers), "body": body}


def _verdict(check: str, evidence: str) -> dict[str, str]:
    """What was found wrong, with what the check stands for."""
    from contracts.observer.observer import all_rules  # noqa: PLC0415 - only where an observer judged
    from contracts.tally import requirement_of  # noqa: PLC0415

    all_rules()  # perhaps another process judged, which wrote the file that is read here
    requirement = requirement_of(check)
    return {"check": check, "requirement": requirement.id, "keyword": requirement.keyword, "evidence": evidence}
