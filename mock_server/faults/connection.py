"""The socket under an exchange, reached through the server's `send`, since no ASGI message can cut a connection."""

from __future__ import annotations

import os
import socket
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import Receive, Send


class ConnectionEnded(Exception):
    """The connection is gone by the fault's will: nothing more is to be sent on it."""


class Connection:
    """What an effect may do to the client's connection. Works with uvicorn's httptools and h11 protocols alike."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        # uvicorn hands out a bound method of its request-response cycle; a test's transport has no socket.
        self._cycle: Any = getattr(send, "__self__", None)

    def reset(self) -> None:
        """Send RST: the client sees "connection reset by peer". What was written and not yet read may be lost."""
        transport = self._transport()
        # The event loop's own socket object can't set options; a duplicate of its descriptor can.
        with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as twin:
            twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        self._disconnected()

    def close(self) -> None:
        """Send FIN in place of (the rest of) an answer: the client sees an empty or a short reply."""
        self._transport().close()
        self._disconnected()

    async def client_gone(self) -> None:
        """Return when the client has given up, its request having been read to its end."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _transport(self) -> Any:
        transport = getattr(self._cycle, "transport", None)
        if transport is None:
            raise RuntimeError("a network fault needs uvicorn's connection, and this request came without one")
        return transport

    def _disconnected(self) -> None:
        # Else uvicorn would take the missing answer for the application's mistake, and log it as one.
        self._cycle.disconnected = True
        self._cycle.message_event.set()
