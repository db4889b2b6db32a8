"""One tenant's connection to the judged server, and its operations that have not ended yet."""

from __future__ import annotations

import json
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import unquote, urlsplit

import httpx

from contracts.exchange import Exchange, Request, Response
from contracts.exchange import headers as header_map

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from types import TracebackType

PREFIX: Final = "/api/v1"
ANSWER_SECONDS: Final = 45.0
"""As long as clients wait for a long poll."""
SILENT: Final = 3
"""So many requests in a row without an answer are the last."""
RESULT_SECONDS: Final = 60.0
"""How long an operation may take. Those recorded are tiny."""


class NoAnswer(Exception):
    """The server did not answer, or not as any server must."""


class GivenUp(Exception):
    """The server took so long, or was silent so often, that nothing more will be asked of it."""


class Caller:
    """HTTP under one key, for so many seconds in all. Every method raises GivenUp when they are over.

    watch: told of every exchange when it has ended.
    """

    def __init__(
        self, base_url: str, key: str, seconds: float, watch: Callable[[Exchange], None] | None = None
    ) -> None:
        self.key = key
        self._watch = watch
        self._number = 0
        self._base = base_url.rstrip("/")
        self._seconds = seconds
        self._end = monotonic() + seconds
        self._silent = 0
        self._http = httpx.Client(verify=_trusted())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        *,
        within: float | None = None,
    ) -> httpx.Response:
        """The answer, redirects not followed. url: an address, or a path below the server's. NoAnswer says why none.

        within: seconds that the server may be silent, ANSWER_SECONDS if it is not given.
        """
        address = url if url.startswith("http") else f"{self._base}{url}"
        left = self._end - monotonic()
        if left <= 0:
            raise GivenUp(f"nothing more: {self._seconds:g} seconds are over")
        timeout = httpx.Timeout(min(ANSWER_SECONDS if within is None else within, left), connect=min(5, left))
        began = monotonic()
        try:
            with self._http.stream(method, address, headers=dict(headers), content=content, timeout=timeout) as coming:
                answer = _whole(coming, began + min(ANSWER_SECONDS, left))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            self._tell(began, method, address, headers, content, None)
            self._silent += 1
            reason = f"no answer ({type(error).__name__}: {error})"
            if self._silent == SILENT:
                raise GivenUp(f"{reason}, for the {SILENT}rd time in a row") from error
            raise NoAnswer(reason) from error
        self._silent = 0
        self._tell(began, method, address, headers, content, answer)
        return answer

    def _tell(
        self,
        began: float,
        method: str,
        address: str,
        sent: Mapping[str, str],
        content: bytes | None,
        answer: httpx.Response | None,
    ) -> None:
        if self._watch is None:
            return
        self._number += 1
        parts = urlsplit(address.removeprefix(self._base))
        request = Request(method, unquote(parts.path), parts.query, header_map(dict(sent)), content or b"")
        response = None
        if answer is not None:
            response = Response(answer.status_code, header_map(dict(answer.headers)), answer.content)
        self._watch(Exchange(self._number, request, response, began, monotonic()))

    def poll(self, body: bytes, headers: Mapping[str, str], *, within: float = RESULT_SECONDS) -> httpx.Response:
        """The final answer of retrieve_future: asked again for as long as it says "not yet", within so many seconds."""
        deadline = monotonic() + within
        while True:
            left = min(ANSWER_SECONDS, deadline - monotonic())
            if left <= 0:
                raise NoAnswer(f"no result within {within:g} seconds")
            answer = self.send("POST", f"{PREFIX}/retrieve_future", headers, body, within=left)
            if not _not_yet(answer):
                return answer

    def ask(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """POST, and the result where that is an operation. NoAnswer: it did not succeed."""
        sent = {"content-type": "application/json", "x-api-key": self.key}
        answer = self._json(self.send("POST", f"{PREFIX}{path}", sent, _json(body)), path)
        if "request_id" in answer:
            answer = self._json(self.poll(_json({"request_id": answer["request_id"]}), sent), path)
        return answer

    def name(self, field: str, path: str, body: Mapping[str, Any]) -> str:
        """POST, and the name that the answer, or the operation's result, has in that field. NoAnswer: it has none."""
        answer = self.ask(path, body)
        if not isinstance(answer.get(field), str):
            raise NoAnswer(f"POST {path} was answered without a {field}: {str(answer)[:200]}")
        return str(answer[field])

    @staticmethod
    def _json(answer: httpx.Response, path: str) -> dict[str, Any]:
        try:
            value = answer.json()
        except ValueError:
            value = None
        if not answer.is_success or not isinstance(value, dict) or "error" in value:
            raise NoAnswer(f"POST {path} was answered {answer.status_code} {answer.text[:200]}")
        return value


def _whole(coming: httpx.Response, deadline: float) -> httpx.Response:
    """The answer with its body, decoded. httpx waits anew for each piece, so an answer without end has none there."""
    pieces = []
    for piece in coming.iter_bytes():
        pieces.append(piece)
        if monotonic() > deadline:
            raise httpx.ReadTimeout(f"the answer has no end: {sum(map(len, pieces))} bytes so far")
    headers = [(name, value) for name, value in coming.headers.multi_items() if name != "content-encoding"]
    return httpx.Response(coming.status_code, headers=headers, content=b"".join(pieces), request=coming.request)


@cache
def _trusted() -> ssl.SSLContext:
    """The machine's certificates, read once: that takes longer than most requests."""
    return httpx.create_ssl_context()


def _not_yet(answer: httpx.Response) -> bool:
    if answer.status_code == 408:
        return True
    if answer.status_code != 200 or "json" not in answer.headers.get("content-type", ""):
        return False
    try:
        value = answer.json()
    except ValueError:
        return False
    return isinstance(value, dict) and value.get("type") == "try_again"


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body).encode()
