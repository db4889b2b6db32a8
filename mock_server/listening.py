"""The outermost layer: overhears each exchange as it crosses the wire, for the observer and the journal."""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

_KEPT: Final = 4 * 1024 * 1024
"""Bytes of a body that are kept; of longer ones, such as downloads, only the beginning."""

FAULTS: Final = "tinker_mock.faults"
"""Where in an exchange's scope the fault layer writes which faults struck it, silent ones included."""


class Kept:
    """The beginning of a body. size: bytes of all of it."""

    __slots__ = ("_chunks", "size")

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self.size = 0

    def add(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if self.size <= _KEPT:
            self._chunks.append(chunk)

    @property
    def whole(self) -> bool:
        return self.size <= _KEPT

    @property
    def body(self) -> bytes:
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)


class Overheard:
    """One exchange, while it goes on and when it is over. started, ended: seconds of a clock that only goes forward."""

    __slots__ = ("answer", "answered", "asked", "ended", "scope", "start", "started", "verdicts")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.asked = Kept()
        self.start: Message | None = None
        """`http.response.start`, once it was sent."""
        self.answer = Kept()
        self.answered = False
        """Whether the answer was sent to its end while the client was there to hear it."""
        self.started = self.ended = monotonic()
        self.verdicts: list[tuple[str, str]] = []
        """What the observer found wrong, where one listens: the check and its evidence."""

    @property
    def faults(self) -> Sequence[str]:
        """The names of the faults that struck it."""
        struck: Sequence[str] = self.scope.get(FAULTS, ())
        return struck


class Listener(Protocol):
    """Who wants to know. What it raises is logged, and harms nobody."""

    def began(self, heard: Overheard) -> None:
        """A request has come; only its head is known."""

    def ended(self, heard: Overheard) -> None:
        """All that will ever be known of the exchange is known."""


class Listening:
    """Pure ASGI, and outermost, so that it sees what clients see, spoiled and lost answers included."""

    def __init__(self, app: ASGIApp, listeners: Sequence[Listener]) -> None:
        """The listeners are told in their order, so a later one finds what an earlier one said."""
        self._app = app
        self._listeners = listeners

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The control plane and the tokenizers are no part of the API that clients are judged by.
        if scope["type"] != "http" or not scope["path"].startswith("/api/v1/"):
            await self._app(scope, receive, send)
            return
        heard = Overheard(scope)
        for listener in self._listeners:
            _tell(listener.began, heard)
        try:
            await self._app(scope, _Hearing(receive, heard), _Speaking(send, heard))
        finally:
            heard.ended = monotonic()
            for listener in self._listeners:
                _tell(listener.ended, heard)


def _tell(take_in: Callable[[Overheard], None], heard: Overheard) -> None:
    try:
        take_in(heard)
    except Exception:
        # A watcher that stumbles must not trip who it watches.
        log.exception("%r stumbled over %s %s", take_in, heard.scope["method"], heard.scope["path"])


class _Hearing:
    """`receive`, remembered."""

    __slots__ = ("_heard", "_receive")

    def __init__(self, receive: Receive, heard: Overheard) -> None:
        self._receive = receive
        self._heard = heard

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._heard.asked.add(message.get("body", b""))
        return message


class _Speaking:
    """`send`, remembered."""

    __slots__ = ("__self__", "_heard", "_send")

    def __init__(self, send: Send, heard: Overheard) -> None:
        self._send = send
        # Faults reach the connection through the server's `send`, whose owner it is.
        self.__self__ = getattr(send, "__self__", None)
        self._heard = heard

    def __call__(self, message: Message) -> Awaitable[None]:
        heard = self._heard
        if message["type"] == "http.response.start":
            heard.start = message
        elif message["type"] == "http.response.body":
            heard.answer.add(message.get("body", b""))
            # The server sends into the void without a word when the client has left.
            heard.answered = not (message.get("more_body", False) or getattr(self.__self__, "disconnected", False))
        return self._send(message)
