"""Servers that answer everything the same, or hardly at all; each in a thread of the test's process."""

from __future__ import annotations

import socket
import struct
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING

from client_tests.harness.in_thread import served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import Receive, Scope, Send

Headers = list[tuple[str, str]]


@contextmanager
def always(
    status: int, body: bytes, media_type: str = "application/json", headers: Headers | None = None
) -> Iterator[str]:
    """A server with one answer, whatever it is asked; its URL."""
    sent = [("content-type", media_type), ("content-length", str(len(body))), *(headers or [])]
    encoded = [(name.encode(), value.encode()) for name, value in sent]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": status, "headers": encoded})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    with served(app) as url:
        yield url


@contextmanager
def raw(serve: Callable[[socket.socket, Event], None]) -> Iterator[str]:
    """A server below HTTP: `serve` is given each connection, in a thread of its own, until the event is set."""
    over = Event()
    threads: list[Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def one(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                serve(connection, over)

        def accept() -> None:
            with suppress(OSError):
                while not over.is_set():
                    connection, _ = listener.accept()
                    threads.append(Thread(target=one, args=(connection,)))
                    threads[-1].start()

        accepting = Thread(target=accept)
        accepting.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for thread in threads:
                thread.join()


def silent(connection: socket.socket, over: Event) -> None:
    """Takes requests and answers none."""
    connection.settimeout(0.1)
    while not over.is_set():
        with suppress(TimeoutError):
            if not connection.recv(65536):
                return


def resetting(connection: socket.socket, over: Event) -> None:
    """Takes a request and resets the connection."""
    del over
    connection.recv(65536)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def dripping(connection: socket.socket, over: Event) -> None:
    """Begins an answer, and sends a byte of it now and then for ever."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n")
    while not over.wait(0.2):
        connection.sendall(b" ")


def garbage(connection: socket.socket, over: Event) -> None:
    """Answers with what is no HTTP."""
    del over
    connection.recv(65536)
    connection.sendall(b"\x16\x03\x01 what? \r\n\r\n\xff\xfe")


def healthy_then(serve: Callable[[socket.socket, Event], None]) -> Callable[[socket.socket, Event], None]:
    """Answers healthz as it should, once a connection, and everything else like `serve`."""

    def served(connection: socket.socket, over: Event) -> None:
        if b"/healthz" in connection.recv(65536, socket.MSG_PEEK):
            connection.recv(65536)
            body = b'{"status": "ok"}'
            head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"
            connection.sendall(head + b"content-length: %d\r\n\r\n" % len(body) + body)
        else:
            serve(connection, over)

    return served
