"""A proxy in front of any server: passes every byte on as it comes, records the exchanges, and has them judged."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from contextlib import contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx
import uvicorn

from contracts.capture import Writer, writer
from contracts.encoding import decoded
from contracts.exchange import Exchange, Request, Response, headers
from contracts.observer import Observer
from contracts.observer.described import Described
from contracts.tally import Tally, requirement_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path
    from types import FrameType

    from starlette.types import Receive, Scope, Send

_HOP: Final = {
    b"host",
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
}
_KEPT: Final = 16 * 1024 * 1024
"""Bytes of a body that are recorded and judged; what follows is passed on all the same."""
_GRACE_SECONDS: Final = 2


class ProxyError(Exception):
    """The proxy can't start; the message says why and what to do."""


class Tap:
    """Collects the beginning of what flows by."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self.whole = True

    def add(self, chunk: bytes) -> None:
        self.whole = self.whole and len(self._kept) + len(chunk) <= _KEPT
        self._kept += chunk[: max(_KEPT - len(self._kept), 0)]

    @property
    def body(self) -> bytes:
        return bytes(self._kept)


class Proxy:
    """The ASGI application. `seen` gets each exchange when it has ended."""

    def __init__(self, upstream: str, seen: Callable[[Exchange], None]) -> None:
        self._upstream = upstream.rstrip("/")
        self._seen = seen
        self._count = 0
        # Long polls take up to a minute, downloads as long as they take. Redirects are the client's to follow.
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(120, connect=10), limits=httpx.Limits(max_connections=None), trust_env=False
        )
        # What the client did not say, such as that it takes gzip, must not be said for it.
        self._client.headers.clear()

    async def close(self) -> None:
        await self._client.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        self._count += 1
        number, started = self._count, monotonic()
        sent, got = Tap(), Tap()
        answer: httpx.Response | None = None
        complete = False
        try:
            answer = await self._client.send(self._request(scope, _flowing(receive, sent)), stream=True)
            raw = [(name.lower(), value) for name, value in answer.headers.raw if name.lower() not in _HOP]
            await send({"type": "http.response.start", "status": answer.status_code, "headers": raw})
            async for chunk in answer.aiter_raw():
                got.add(chunk)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            complete = True
            await send({"type": "http.response.body", "body": b""})
        except httpx.HTTPError as error:
            if answer is not None:
                # The head is out: only a cut connection can say that the rest is missing.
                raise ConnectionAbortedError(f"{self._upstream} broke off its answer ({error})") from None
            await self._refuse(send, error)
        finally:
            if answer is not None:
                with suppress(Exception):
                    await answer.aclose()
            self._seen(_exchange(number, scope, sent, answer if complete else None, got, started))

    def _request(self, scope: Scope, body: AsyncIterator[bytes]) -> httpx.Request:
        path = scope.get("raw_path") or scope["path"].encode()
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        given = [(name, value) for name, value in scope["headers"] if name not in _HOP]
        host = next((value for name, value in scope["headers"] if name == b"host"), b"")
        # So that a server that hands out addresses hands out ours.
        given += [(b"x-forwarded-host", host), (b"x-forwarded-proto", b"http")]
        has_body = any(name in {b"content-length", b"transfer-encoding"} for name, _ in scope["headers"])
        url = self._upstream + (path + query).decode("latin-1")
        return self._client.build_request(scope["method"], url, headers=given, content=body if has_body else None)

    async def _refuse(self, send: Send, error: httpx.HTTPError) -> None:
        text = f"the proxy has no answer of {self._upstream}: {type(error).__name__} {error}. Is the server running?"
        said = {"detail": text, "message": text, "error": "upstream_unreachable", "category": "server"}
        body = json.dumps(said).encode()
        named = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 502, "headers": named})
        await send({"type": "http.response.body", "body": body})


async def _flowing(receive: Receive, tap: Tap) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise httpx.ReadError("the client went away in the middle of its request")
        chunk = message.get("body", b"")
        tap.add(chunk)
        if chunk:
            yield chunk
        if not message.get("more_body", False):
            return


def _exchange(
    number: int, scope: Scope, sent: Tap, answer: httpx.Response | None, got: Tap, started: float
) -> Exchange:
    named = headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]])
    query = scope["query_string"].decode("latin-1")
    request = Request(scope["method"], scope["path"], query, named, sent.body, sent.whole)
    response = None
    if answer is not None:
        answered = headers([(name, value) for name, value in answer.headers.multi_items()])
        body, readable = decoded(got.body, answered.get("content-encoding", "")) if got.whole else (got.body, False)
        response = Response(answer.status_code, answered, body, got.whole and readable)
    return Exchange(number, request, response, started, monotonic())


class _Server(uvicorn.Server):
    """Ends on the first signal, waiting a moment for what is under way, and at once on the second.

    announce is called when a signal would be heard: whoever reads the address may send one at once.
    """

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        def stop(number: int, frame: FrameType | None) -> None:
            self.handle_exit(number, frame)

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._announce()
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(
    upstream: str,
    *,
    port: int,
    record: Path | None,
    announce: Callable[[str], None],
    failed: Callable[[str], None],
) -> Tally:
    """Pass on until SIGINT or SIGTERM; returns the verdicts. Raises ProxyError.

    announce gets the proxy's URL once it listens; failed a line for each check that fails, the first time it does.
    """
    parts = urlsplit(upstream)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ProxyError(f"--upstream {upstream!r} is no address: give one such as http://127.0.0.1:8000")
    try:
        recorder = None if record is None else writer(record)
    except OSError as error:
        raise ProxyError(f"--record {record}: {error.strerror}") from error
    tally, observer = Tally(), Observer(Described())

    def seen(exchange: Exchange) -> None:
        for finding in tally.add(observer.see(exchange)):
            requirement = requirement_of(finding.check)
            failed(f"{requirement.keyword} {requirement.id}: {finding.evidence} ({finding.exchanges[-1]})")
        if recorder is not None:
            recorder.write(exchange)

    with _listening(port) as listener, _closing(recorder):
        asyncio.run(_live(Proxy(upstream, seen), listener, announce))
    return tally


async def _live(proxy: Proxy, listener: socket.socket, announce: Callable[[str], None]) -> None:
    config = uvicorn.Config(
        proxy,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    await _Server(config, lambda: announce(url)).serve(sockets=[listener])
    await proxy.close()


@contextmanager
def _closing(recorder: Writer | None) -> Iterator[None]:
    try:
        yield
    finally:
        if recorder is not None:
            recorder.close()


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(512)
        except OSError as error:
            raise ProxyError(f"can't listen on port {port}: {error.strerror}. Give another --port.") from error
        yield listener
