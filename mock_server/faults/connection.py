"""The socket under an exchange, reached through the server's `send`, since no ASGI message can cut a connection."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import struct
import termios
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from starlette.types import Receive, Send

_PATIENCE: Final = 5.0  # seconds for a client to read what was sent before its connection is cut


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

    def write(self, raw: bytes) -> None:
        """Write bytes behind what was sent, past the server's own idea of HTTP."""
        self._transport().write(raw)

    async def drained(self) -> None:
        """Return when all that was sent has reached the client's machine, or the patience is over.

        A reset drops what is still on its way, so that without this nobody knew how much of an answer arrived.
        """
        transport = self._transport()
        descriptor = transport.get_extra_info("socket").fileno()
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):  # real time: it is about the network
                # The kernel tells how much is on its way, and nobody when it has arrived.
                while not transport.is_closing() and (  # noqa: ASYNC110
                    transport.get_write_buffer_size() or _unacknowledged(descriptor)
                ):
                    await asyncio.sleep(0.002)

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


def _unacknowledged(descriptor: int) -> int:
    """Bytes of a socket that the other side has not acknowledged; 0 where the system does not tell."""
    try:
        (waiting,) = struct.unpack("i", fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4)))
    except OSError:
        return 0
    return int(waiting)
