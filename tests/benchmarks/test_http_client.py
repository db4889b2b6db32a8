from __future__ import annotations

import asyncio
from typing import cast

import pytest

from benchmarks.http_client import Answer, Connection, UnexpectedAnswerError, request_bytes

ASK = request_bytes("GET", "/thing", key="tml-test")


class Peer:
    """The other end of a connection: answers each request with these pieces, or hangs up when it has none."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces
        self.connection = Connection()
        self.connection.connection_made(cast("asyncio.BaseTransport", self))

    def write(self, _request: bytes) -> None:
        for piece in self.pieces:
            asyncio.get_running_loop().call_soon(self.connection.data_received, piece)
        if not self.pieces:
            asyncio.get_running_loop().call_soon(self.connection.connection_lost, ConnectionResetError())

    def is_closing(self) -> bool:
        return False


def test_a_request_says_what_a_server_needs() -> None:
    request = request_bytes("POST", "/api/v1/optim_step", key="tml-test", body={"seq_id": 1})
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /api/v1/optim_step HTTP/1.1\r\n")
    assert b"x-api-key: tml-test" in head
    assert f"content-length: {len(body)}".encode() in head
    assert body == b'{"seq_id": 1}'


def test_an_answer_may_come_in_pieces() -> None:
    pieces = (b"HTTP/1.1 200 OK\r\nContent-Ty", b"pe: text/plain\r\ncontent-length: 5\r\n\r\n", b"he", b"llo")
    connection = Peer(*pieces).connection

    async def ask_twice() -> list[Answer]:
        return [await connection.ask(ASK) for _ in range(2)]

    assert asyncio.run(ask_twice()) == [Answer(200, "text/plain", b"hello")] * 2


def test_a_refusal_ends_the_measurement_and_says_why() -> None:
    connection = Peer(b"HTTP/1.1 404 Not Found\r\ncontent-length: 7\r\n\r\nno such").connection
    with pytest.raises(UnexpectedAnswerError, match=r"GET /thing HTTP/1\.1 was answered 404: b'no such'"):
        asyncio.run(connection.ask_ok(ASK))


def test_a_server_that_hangs_up_ends_the_measurement() -> None:
    connection = Peer().connection
    with pytest.raises(UnexpectedAnswerError, match="closed the connection instead of answering"):
        asyncio.run(connection.ask(ASK))
