"""HTTP Archive 1.2: what browsers, proxies and this suite write of exchanges."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from contracts.capture import CaptureError, body_without_secrets, without_secrets
from contracts.exchange import Exchange, Request, Response, headers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_API: Final = "/api/v1/"
_CREATOR: Final = {"name": "tinker-mock", "version": "1"}
HEAD: Final = '{"log": {"version": "1.2", "creator": ' + json.dumps(_CREATOR) + ', "entries": ['
"""What an archive begins with; entries with commas between follow."""
TAIL: Final = "\n]}}\n"


def read(path: Path) -> Iterator[Exchange]:
    """The exchanges of an archive. Raises CaptureError."""
    try:
        entries = json.loads(path.read_bytes())["log"]["entries"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CaptureError(f"{path}: no HTTP archive ({type(error).__name__}: {error})") from error
    for number, entry in enumerate(entries, 1):
        try:
            yield _exchange(entry, number)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CaptureError(f"{path}, entry {number}: no exchange ({type(error).__name__}: {error})") from error


class HarWriter:
    """Entry by entry; the file is an archive once it is closed."""

    def __init__(self, path: Path) -> None:
        self._file: IO[str] = path.open("w", encoding="utf-8")
        # Left open at the end, so that a long recording need not be held in memory.
        self._file.write(HEAD)
        self._first = True
        self._zero = datetime.now(UTC).timestamp()

    def write(self, exchange: Exchange) -> None:
        self._zero -= exchange.started if self._first else 0
        self._file.write("\n" if self._first else ",\n")
        self._file.write(entry_of(exchange, self._zero))
        self._first = False

    def close(self) -> None:
        self._file.write(TAIL)
        self._file.close()


def entry_of(exchange: Exchange, zero: float) -> str:
    """The entry of an archive that stands for an exchange. zero: the moment, since the epoch, of its clock's zero."""
    return json.dumps(_entry(exchange, zero))


def _entry(exchange: Exchange, zero: float) -> dict[str, Any]:
    request, response = exchange.request, exchange.response
    milliseconds = (exchange.ended - exchange.started) * 1000
    host = request.headers.get("host", "localhost")
    sent: dict[str, Any] = {
        "method": request.method,
        "url": f"http://{host}{request.path}{'?' + request.query if request.query else ''}",
        "httpVersion": "HTTP/1.1",
        "headers": _pairs(request.headers),
        "queryString": [],
        "cookies": [],
        "headersSize": -1,
        "bodySize": len(request.body),
    }
    if request.body:
        sent["postData"] = {
            "mimeType": request.media_type,
            "text": b64encode(body_without_secrets(request.body)).decode(),
            "_encoding": "base64",
            "_whole": request.whole,
        }
    content: dict[str, Any] = {"size": 0, "mimeType": ""}
    if response is not None:
        text = b64encode(body_without_secrets(response.body)).decode()
        content = {"size": len(response.body), "mimeType": response.media_type, "text": text, "encoding": "base64"}
        content["_whole"] = response.whole
    answered = {
        "status": 0 if response is None else response.status,
        "statusText": "",
        "httpVersion": "HTTP/1.1",
        "headers": [] if response is None else _pairs(response.headers),
        "cookies": [],
        "content": content,
        "redirectURL": "" if response is None else response.headers.get("location", ""),
        "headersSize": -1,
        "bodySize": content["size"],
    }
    entry = {
        "startedDateTime": datetime.fromtimestamp(zero + exchange.started, UTC).isoformat(),
        "time": milliseconds,
        "request": sent,
        "response": answered,
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
    }
    if exchange.notes:
        entry |= {"_number": exchange.number, "_notes": dict(exchange.notes)}
    return entry


def _pairs(given: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in without_secrets(given).items()]


def _exchange(entry: Mapping[str, Any], number: int) -> Exchange:
    sent, answer = entry["request"], entry["response"]
    url = urlsplit(sent["url"])
    path = unquote(url.path)
    posted = sent.get("postData") or {}
    # The base URL of a server may have a path of its own, which is not the API's.
    at = path.find(_API)
    request = Request(
        sent["method"],
        path[at:] if at > 0 else path,
        url.query,
        _headers(sent),
        _bytes(posted.get("text", ""), posted.get("_encoding")),
        posted.get("_whole", True) is True,
    )
    started = datetime.fromisoformat(entry["startedDateTime"]).timestamp()
    response = None
    if answer.get("status"):
        content = answer.get("content") or {}
        body = _bytes(content.get("text", ""), content.get("encoding"))
        whole = content.get("_whole", len(body) >= content.get("size", 0)) is True
        response = Response(answer["status"], _headers(answer), body, whole)
    ended = started + max(entry.get("time") or 0, 0) / 1000
    return Exchange(
        int(entry.get("_number") or number), request, response, started, ended, dict(entry.get("_notes") or {})
    )


def _headers(message: Mapping[str, Any]) -> dict[str, str]:
    return headers([(pair["name"], pair["value"]) for pair in message.get("headers") or ()])


def _bytes(text: str, encoding: str | None) -> bytes:
    return b64decode(text) if encoding == "base64" else text.encode()
