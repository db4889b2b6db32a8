"""A proxy that stands between a client and a server: it remembers what crosses, and can spoil an exchange."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

import httpx

from client_tests.harness.in_thread import AsgiThread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import Receive, Scope, Send

_HOP = {b"host", b"connection", b"keep-alive", b"transfer-encoding", b"content-length"}


@dataclass(frozen=True)
class Exchange:
    """One request and what the client got for it. Times in seconds; status 0: the connection was cut."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    status: int
    answer_headers: Mapping[str, str]
    answer: bytes
    began: float
    ended: float

    @property
    def request(self) -> Any:
        """The request's JSON."""
        return json.loads(self.body)

    @property
    def result(self) -> Any:
        """The answer's JSON."""
        return json.loads(self.answer)


@dataclass
class Spoiled:
    """What to do to the next exchanges with a path: whether the server sees them, and what is answered instead.

    status 0 cuts the connection.
    """

    path: str
    status: int
    body: bytes
    headers: Mapping[str, str]
    forwarded: bool
    left: int
    when: Callable[[bytes], bool]


@dataclass
class Wire:
    """Use within `with`; `url` is where the client goes."""

    upstream: str
    exchanges: list[Exchange] = field(default_factory=list)
    _spoils: list[Spoiled] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._client = httpx.AsyncClient(base_url=self.upstream, timeout=60, limits=httpx.Limits(max_connections=None))
        self._thread = AsgiThread(self._app)
        self.url = self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._thread.stop(self._client.aclose)

    def of(self, path: str) -> list[Exchange]:
        """The exchanges with /api/v1/{path}, in the order in which they began."""
        return sorted((e for e in self.exchanges if e.path == f"/api/v1/{path}"), key=lambda e: e.began)

    def spoil(
        self,
        path: str,
        *,
        status: int = 0,
        body: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        forwarded: bool = True,
        times: int = 1,
        when: Callable[[bytes], bool] = lambda _: True,
    ) -> None:
        """Answer the next `times` requests of /api/v1/{path} this instead; status 0 cuts the connection.

        The body is JSON, unless `content` says its bytes.
        """
        if content is None:
            content = json.dumps(body or {"detail": "spoiled"}).encode()
        self._spoils.append(Spoiled(f"/api/v1/{path}", status, content, headers or {}, forwarded, times, when))

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = monotonic()
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        path = scope["path"]
        spoiled = next((s for s in self._spoils if s.path == path and s.left and s.when(body)), None)
        status, answer = 0, b""
        headers: list[tuple[bytes, bytes]] = []
        if spoiled is not None:
            spoiled.left -= 1
        if spoiled is None or spoiled.forwarded:
            status, headers, answer = await self._forward(scope, body)
        if spoiled is not None:
            status, answer = spoiled.status, spoiled.body
            headers = [(b"content-type", b"application/json")]
            headers += [(name.lower().encode(), value.encode()) for name, value in spoiled.headers.items()]
        self.exchanges.append(
            Exchange(
                scope["method"], path, _text(scope["headers"]), body, status, _text(headers), answer, began, monotonic()
            )
        )
        # A length that is not kept makes uvicorn cut the connection, which is what a lost answer looks like.
        length = str(len(answer) + (status == 0)).encode()
        headers = [*headers, *([] if status == 204 else [(b"content-length", length)])]
        await send({"type": "http.response.start", "status": status or 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _forward(self, scope: Scope, body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        url = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        sent = [(name, value) for name, value in scope["headers"] if name not in _HOP]
        request = self._client.build_request(scope["method"], url.decode(), headers=sent, content=body)
        response = await self._client.send(request, stream=True)
        answer = b"".join([chunk async for chunk in response.aiter_raw()])
        return response.status_code, [(n, v) for n, v in response.headers.raw if n.lower() not in _HOP], answer


def _text(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
