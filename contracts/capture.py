"""Files of exchanges: HAR and JSON lines, read and written, never with a key in them."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import unquote, urlencode

from contracts.exchange import Exchange, Request, Response, headers, is_deep

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SECRETS: Final = frozenset({"x-api-key", "authorization", "cookie", "set-cookie", "cf-access-client-secret"})
SECRETS_KEPT: Final = "tml-not-recorded"
"""What stands for a key: what the observer wants to see is that there was one."""
_SECRET_FIELDS: Final = ("jwt", "weights_access_token")
"""Of a JSON body's fields those that hold a key, or a token that does for one."""


class CaptureError(Exception):
    """The file can't be read as exchanges; the message names the line and what is wrong."""


class Writer(Protocol):
    """Writes exchanges as they come; `close` makes the file whole."""

    def write(self, exchange: Exchange) -> None: ...

    def close(self) -> None: ...


def read(path: Path) -> Iterator[Exchange]:
    """The exchanges of a file in its order: `.har`, or one JSON object a line. Raises CaptureError, OSError."""
    from contracts import har  # noqa: PLC0415 - the two know each other's words for headers

    if path.suffix == ".har":
        yield from har.read(path)
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield exchange_of(json.loads(line), number)
                except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                    raise CaptureError(
                        f"{path}, line {number}: no exchange ({type(error).__name__}: {error})"
                    ) from error


def writer(path: Path) -> Writer:
    """A writer in the form that the name's ending says: `.har`, or JSON lines for all others. Raises OSError."""
    from contracts import har  # noqa: PLC0415 - as above

    return har.HarWriter(path) if path.suffix == ".har" else JsonLinesWriter(path)


def without_secrets(given: Mapping[str, str]) -> dict[str, str]:
    """The headers, what is secret replaced."""
    return {name: SECRETS_KEPT if name.lower() in SECRETS else value for name, value in given.items()}


def body_without_secrets(body: bytes) -> bytes:
    """The body, a JSON object's fields that hold a key replaced; any other body as it is."""
    if not any(f'"{name}"'.encode() in body for name in _SECRET_FIELDS):
        return body
    try:
        fields = json.loads(body)
        if not isinstance(fields, dict):
            return body
        kept = {name: SECRETS_KEPT for name in _SECRET_FIELDS if isinstance(fields.get(name), str)}
        return json.dumps(fields | kept).encode() if kept else body
    except (ValueError, RecursionError):
        return body


class JsonLinesWriter:
    """One exchange a line, written at once, so that a killed recorder keeps what it saw."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8")

    def write(self, exchange: Exchange) -> None:
        self._file.write(line_of(exchange))
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def line_of(exchange: Exchange) -> str:
    """The line that stands for an exchange, its end included."""
    request, response = exchange.request, exchange.response
    line: dict[str, Any] = {
        "n": exchange.number,
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "request": {"headers": without_secrets(request.headers), "body": body_as_json(request)},
        "response": None,
        "started": exchange.started,
        "ended": exchange.ended,
    }
    if response is not None:
        shown = {"headers": without_secrets(response.headers), "body": body_as_json(response)}
        line["response"] = {"status": response.status, **shown}
    if exchange.notes:
        line["notes"] = dict(exchange.notes)
    return json.dumps(line) + "\n"


def body_as_json(message: Request | Response) -> dict[str, Any] | None:
    """A body as it stands in a line: JSON that is not deep, or base64; `whole` where only its beginning was kept."""
    if not message.body:
        return None
    body = body_without_secrets(message.body)
    if message.whole and message.media_type == "application/json":
        with suppress(ValueError, RecursionError):
            value = json.loads(body)
            if not is_deep(value):
                return {"json": value}
    kept: dict[str, Any] = {} if message.whole else {"whole": False}
    return {"base64": b64encode(body).decode(), **kept}


def exchange_of(line: Mapping[str, Any], number: int) -> Exchange:
    """An exchange of a line's fields. ValueError, KeyError, TypeError or AttributeError: it is none."""
    query = line.get("query") or ""
    sent, answer = line["request"], line.get("response")
    body, whole = _body(sent.get("body"))
    request = Request(
        str(line["method"]).upper(),
        unquote(str(line["path"]).partition("?")[0]),
        query if isinstance(query, str) else urlencode(query),
        headers(sent.get("headers") or {}),
        body,
        whole,
    )
    response = None
    # Status 0 is how some recorders write that the connection was cut.
    if answer is not None and answer["status"]:
        content, complete = _body(answer.get("body"))
        named = headers(answer.get("headers") or {})
        if not named and isinstance(answer.get("body"), dict) and "json" in answer["body"]:
            # Some recorders keep no headers of answers; that this was JSON they say all the same.
            named = {"content-type": "application/json"}
        response = Response(int(answer["status"]), named, content, complete)
    times = float(line.get("started") or 0), float(line.get("ended") or 0)
    return Exchange(int(line.get("n") or number), request, response, *times, dict(line.get("notes") or {}))


def _body(recorded: Any) -> tuple[bytes, bool]:
    """The bytes of a recorded body, and whether they are all: some recorders keep nothing of a download."""
    match recorded:
        case None:
            return b"", True
        case str():
            return recorded.encode(), True
        case {"base64": str(content)}:
            return b64decode(content), recorded.get("whole", True) is True
        case {"json": {"__bytes__": _}} | {"__bytes__": _}:
            return b"", False
        case {"json": value}:
            return json.dumps(value).encode(), True
        case {"text": str(text)}:
            return text.encode(), True
        case {"truncated": _} | {"bytes": _} | {"length": _}:
            return b"", False
    return json.dumps(recorded).encode(), True
