"""An ASGI application behind a real socket, in a thread of the test's own process."""

from __future__ import annotations

import asyncio
import socket
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator


class AsgiThread:
    """uvicorn with its own event loop; `loop` is there to look into what it serves."""

    def __init__(self, app: Callable[..., Any], *, lifespan: bool = False) -> None:
        config = uvicorn.Config(
            app,
            interface="asgi3",  # uvicorn takes a bound method for the older interface
            log_config=None,
            lifespan="on" if lifespan else "off",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        self.loop = asyncio.new_event_loop()
        self._server = uvicorn.Server(config)
        # asyncio turns Nagle's algorithm off, which costs 40 ms a request, only where the protocol is named.
        self._listener = socket.socket(proto=socket.IPPROTO_TCP)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(512)
        # Not Server.run: it would take the process's signals.
        self._thread = Thread(target=self._live, name="asgi-thread")

    def start(self) -> str:
        """Serve, and return the URL."""
        self._thread.start()
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def stop(self, last: Callable[[], Coroutine[Any, Any, object]] | None = None) -> None:
        """Let what is being answered end within a second; `last` is awaited on its loop before that."""
        if last is not None:
            asyncio.run_coroutine_threadsafe(last(), self.loop).result(20)
        self._server.should_exit = True
        self._thread.join()

    def _live(self) -> None:
        try:
            self.loop.run_until_complete(self._server.serve([self._listener]))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        finally:
            self.loop.close()


@contextmanager
def served(
    app: Callable[..., Any], *, lifespan: bool = False, last: Callable[[], Coroutine[Any, Any, object]] | None = None
) -> Iterator[str]:
    """The URL of the application, for as long as the block; `last` is awaited at its end."""
    thread = AsgiThread(app, lifespan=lifespan)
    try:
        yield thread.start()
    finally:
        thread.stop(last)
