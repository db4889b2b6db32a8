"""A keep-alive HTTP/1.1 client of a few microseconds a request, so that the load never waits for its generator."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json"
PROTOBUF = "application/x-protobuf"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer: what the bare app needs to give it again."""

    status: int
    content_type: str
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class UnexpectedAnswerError(RuntimeError):
    """The server under load answered something that makes the measurement worthless."""


def request_bytes(
    method: str,
    path: str,
    *,
    key: str,
    body: bytes | Mapping[str, Any] | None = None,
    accept: str = JSON,
) -> bytes:
    """The whole request as it goes over the wire: built once, sent many times."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", f"x-api-key: {key}", f"accept: {accept}"]
    if body is None:
        payload = b""
    elif isinstance(body, bytes):
        payload = body
        lines.append(f"content-type: {PROTOBUF}")
    else:
        payload = json.dumps(body).encode()
        lines.append(f"content-type: {JSON}")
    if method != "GET":
        lines.append(f"content-length: {len(payload)}")
    return "\r\n".join([*lines, "", ""]).encode() + payload


class Connection(asyncio.Protocol):
    """One connection, one request at a time. Answers must carry a Content-Length (both servers' do)."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._waiter: asyncio.Future[Answer] | None = None

    @classmethod
    async def open(cls, base_url: str) -> Self:
        address = urlsplit(base_url)
        assert address.hostname is not None
        assert address.port is not None
        _, connection = await asyncio.get_running_loop().create_connection(cls, address.hostname, address.port)
        return connection

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    async def ask(self, request: bytes) -> Answer:
        """Send one request and wait for its answer, whatever its status."""
        if self._transport is None or self._transport.is_closing():
            raise UnexpectedAnswerError("the server closed a connection that should have been kept alive")
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiter

    async def ask_ok(self, request: bytes) -> Answer:
        """As ask, but anything else than a 2xx ends the measurement with the request and the answer in the message."""
        answer = await self.ask(request)
        if not 200 <= answer.status < 300:
            first_line = request.split(b"\r\n", 1)[0].decode()
            raise UnexpectedAnswerError(f"{first_line} was answered {answer.status}: {answer.body[:300]!r}")
        return answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by behaviour, not by inheritance

    def data_received(self, data: bytes) -> None:
        self._received += data
        end_of_head = self._received.find(b"\r\n\r\n")
        if end_of_head < 0:
            return
        head = bytes(self._received[:end_of_head]).decode("latin-1").lower()
        length = int(_header(head, "content-length") or 0)
        if len(self._received) < end_of_head + 4 + length:
            return
        body = bytes(self._received[end_of_head + 4 : end_of_head + 4 + length])
        self._received.clear()
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(Answer(int(head[9:12]), _header(head, "content-type"), body))

    def connection_lost(self, exc: Exception | None) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            lost = UnexpectedAnswerError("the server closed the connection instead of answering")
            lost.__cause__ = exc
            waiter.set_exception(lost)


def _header(head: str, name: str) -> str:
    start = head.find(f"\r\n{name}:")
    if start < 0:
        return ""
    start += len(name) + 3
    end = head.find("\r\n", start)
    return head[start : end if end >= 0 else len(head)].strip()
