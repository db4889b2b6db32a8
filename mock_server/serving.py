"""The life of a server process: take the port, open the store, answer, stop."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
from contextlib import contextmanager
from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import uvicorn
import uvloop

from mock_server import __version__
from mock_server.domain.catalogue import InvalidCatalogue
from mock_server.scenarios import NoScenario
from mock_server.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from fastapi import FastAPI

    from mock_server.settings import Settings

logger = logging.getLogger(__name__)

# The official client's pools keep a connection for up to 90 s (reqwest). The client must be the one that closes it,
# or a request meets a connection that is just being closed under it.
_KEEP_ALIVE_SECONDS: Final = 120
# Long polls are released at once; what still runs then is a request that is being answered.
_GRACE_SECONDS: Final = 3
_BACKLOG: Final = 2048


class ServeError(Exception):
    """The server can't start; the message says why and what to do."""


def serve(
    create_app: Callable[[Settings], FastAPI],
    settings: Settings,
    announce: Callable[[str], None],
    *,
    until_stdin_closes: bool = False,
    until_process_ends: int | None = None,
) -> None:
    """Serve until SIGINT, SIGTERM or, on request, the end of standard input or of a process (by its id).

    A second signal ends it on the spot.

    announce gets the server's URL as soon as it answers. ServeError where it can't start.
    """
    with _listening(settings) as listener, _data_directory(settings) as directory:
        url = settings.public_url or url_of(listener)

        def answering() -> None:
            logger.info("tinker-mock %s answers at %s, its data is in %s; Ctrl-C stops it", __version__, url, directory)
            announce(url)

        try:
            app = create_app(settings.model_copy(update={"data_dir": directory}))
        except InvalidCatalogue as error:
            # What the YAML parser says runs over several lines.
            raise ServeError(" ".join(str(error).split())) from error
        except NoScenario as error:
            raise ServeError(str(error)) from error
        litter = directory if settings.ephemeral else None
        server = _Server(app, announce=answering, litter=litter, until_process_ends=until_process_ends)
        with server.stopping_on_signals(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            try:
                runner.run(server.live(listener, until_stdin_closes=until_stdin_closes))
            except StoreError as error:
                raise ServeError(str(error)) from error


def url_of(listener: socket.socket) -> str:
    """The URL by which a client on this machine reaches the socket: never 0.0.0.0, which is no address to go to."""
    host, port = listener.getsockname()[:2]
    address = ipaddress.ip_address(host.partition("%")[0])
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")  # 4: the IP version
    return f"http://[{address}]:{port}" if address.version == 6 else f"http://{address}:{port}"  # 6: so are brackets


class _Server(uvicorn.Server):
    """uvicorn's server with our beginning and end: it says when it answers, and releases long polls when it stops."""

    def __init__(
        self, app: FastAPI, *, announce: Callable[[], None], litter: Path | None, until_process_ends: int | None = None
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="httptools",
                ws="none",
                # We run the lifespan ourselves: uvicorn would log a StoreError as a traceback and exit with 3.
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                # The doors read X-Forwarded-*; a middleware for it would cost every request.
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_GRACE_SECONDS,
                backlog=_BACKLOG,
            )
        )
        self._app = app
        self._announce = announce
        self._litter = litter
        self._until_process_ends = until_process_ends
        self._wake: Callable[[], object] = lambda: None

    async def live(self, listener: socket.socket, *, until_stdin_closes: bool) -> None:
        self._woken = asyncio.Event()
        self._wake = partial(asyncio.get_running_loop().call_soon_threadsafe, self._woken.set)
        async with self._app.router.lifespan_context(self._app):
            if until_stdin_closes:
                asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._read_stdin)
            await self.serve(sockets=[listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._announce()

    async def main_loop(self) -> None:
        # uvicorn looks ten times a second whether it should stop; an idle server should sleep. Its tick 0 is the one
        # that renews the Date header.
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), 1)
            if self._until_process_ends is not None and not _lives(self._until_process_ends):
                self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.begin_shutdown()
        await super().shutdown(sockets)

    @contextmanager
    def stopping_on_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn's own would raise the signal again after the stop, and a clean stop exit with 143.
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        del frame
        if self.should_exit:
            # Whatever holds up the stop, what was acknowledged is on disk.
            if self._litter:
                shutil.rmtree(self._litter, ignore_errors=True)
            os._exit(128 + sig)
        self._stop()

    def _read_stdin(self) -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            self._stop()

    def _stop(self) -> None:
        self.should_exit = True
        self._wake()


def _lives(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's, and there
    return True


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """Listen before anything else: a taken port is the likeliest fault, and early clients wait instead of failing."""
    host, port = settings.host, settings.port
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
    except socket.gaierror as error:
        raise ServeError(f"host {host!r} is no address of this machine: {error.strerror}.") from error
    if not (settings.allow_remote or ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback):
        raise ServeError(
            f"host {host!r} can be reached from other machines, and any key works here: "
            "add --allow-remote if that is what you want, or leave --host out."
        )
    with socket.socket(family, kind) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(_BACKLOG)
        except OSError as error:
            raise ServeError(_bind_fault(host, port, error)) from error
        yield listener


def _bind_fault(host: str, port: int, error: OSError) -> str:
    if error.errno == EADDRINUSE:
        return f"port {port} of {host} is taken: stop what listens there, or give another --port (0 picks a free one)."
    if error.errno == EACCES:
        return f"port {port} of {host} is not for this user: give a --port above 1023 (0 picks a free one)."
    if error.errno == EADDRNOTAVAIL:
        return f"host {host!r} is no address of this machine: leave --host out, or give one of its own."
    return f"can't listen on port {port} of {host}: {error.strerror}."


@contextmanager
def _data_directory(settings: Settings) -> Iterator[Path]:
    if settings.ephemeral:
        with tempfile.TemporaryDirectory(prefix="tinker-mock-", ignore_cleanup_errors=True) as temporary:
            yield Path(temporary)
        return
    directory = settings.data_dir.absolute()
    # Where it can't be made, the store says so, and better.
    with contextlib.suppress(OSError):
        if not directory.exists():
            directory.mkdir(parents=True)
            # The default lies in somebody's project; nobody means to commit it.
            (directory / ".gitignore").write_text("*\n")
    yield directory
