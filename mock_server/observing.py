"""The observer inside the server: judges each exchange as it crossed the wire, and logs what was wrong."""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING, Final

from contracts.exchange import Exchange, Request, Response, headers
from contracts.observer import Observer
from contracts.observer.described import Described
from contracts.tally import Tally, requirement_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

_KEPT: Final = 4 * 1024 * 1024
"""Bytes of a body that are judged; longer ones, such as downloads, only by their heads."""


class Observing:
    """Pure ASGI, and outermost, so that it sees what clients see, spoiled answers included."""

    def __init__(self, app: ASGIApp, seen: Callable[[Exchange], None]) -> None:
        self._app = app
        self._seen = seen
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The control plane and the tokenizers are no part of the API that the contract describes.
        if scope["type"] != "http" or not scope["path"].startswith("/api/v1/"):
            await self._app(scope, receive, send)
            return
        self._count += 1
        number, started = self._count, monotonic()
        heard, said = _Heard(receive), _Said(send)
        try:
            await self._app(scope, heard, said)
        finally:
            exchange = Exchange(number, heard.request(scope), said.response(), started, monotonic())
            try:
                self._seen(exchange)
            except Exception:
                # A watcher that stumbles must not trip who it watches.
                log.exception("the observer could not judge %s", exchange)


class Verdicts:
    """Judges exchanges in their order, and logs each check the first time that it fails."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._observer = Observer(Described())

    def see(self, exchange: Exchange) -> None:
        """The next exchange."""
        for finding in self.tally.add(self._observer.see(exchange)):
            requirement = requirement_of(finding)
            shown = "; ".join(map(str, finding.exchanges))
            log.warning(
                "%s %s not kept (%s): %s [%s: %s]",
                requirement.keyword,
                requirement.id,
                requirement.text,
                finding.evidence,
                finding.check,
                shown,
            )


class _Kept:
    """The beginning of a body."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._size = 0
        self.whole = True

    def add(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size <= _KEPT:
            self._chunks.append(chunk)
        else:
            self.whole = False

    @property
    def body(self) -> bytes:
        return b"".join(self._chunks)


class _Heard:
    """`receive`, remembered."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._kept = _Kept()

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._kept.add(message.get("body", b""))
        return message

    def request(self, scope: Scope) -> Request:
        named = headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]])
        query = scope["query_string"].decode("latin-1")
        return Request(scope["method"], scope["path"], query, named, self._kept.body, self._kept.whole)


class _Said:
    """`send`, remembered."""

    def __init__(self, send: Send) -> None:
        self._send = send
        # Faults reach the connection through the server's `send`, whose owner it is.
        self.__self__ = getattr(send, "__self__", None)
        self._start: Message | None = None
        self._kept = _Kept()
        self._ended = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body":
            self._kept.add(message.get("body", b""))
            self._ended = not message.get("more_body", False)
        await self._send(message)

    def response(self) -> Response | None:
        """The answer; None where the client did not get all of it."""
        if self._start is None or not self._ended:
            return None
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._start.get("headers", ())]
        return Response(self._start["status"], headers(pairs), self._kept.body, self._kept.whole)
