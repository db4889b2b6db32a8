"""The body of an answer on its way, piece by piece: cut, and cut up. Nothing here holds more than a piece of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mock_server.faults.connection import ConnectionEnded

if TYPE_CHECKING:
    from collections.abc import Callable

    from mock_server.faults.exchange import Exchange, Pieces


async def first(pieces: Pieces, size: int) -> Pieces:
    """So many bytes of them."""
    left = size
    async for piece in pieces:
        if len(piece) >= left:
            break
        yield piece
        left -= len(piece)
    else:
        return
    if left:
        yield piece[:left]


def cut(exchange: Exchange, how: Callable[[], None], after_bytes: int | None, after_seconds: float | None) -> None:
    """End the connection in the middle of the answer's body, by `reset` or `close`.

    Behind so many bytes or after so many seconds, whatever is first; without either, as soon as the head is sent.
    A body that ends before that is cut at its end: its client must not take it for whole by accident.
    """
    pieces = exchange.answered.pieces
    if after_bytes is not None or after_seconds is None:
        pieces = first(pieces, after_bytes or 0)
    exchange.answered.pieces = _ended(exchange, pieces, how, after_seconds)


async def _ended(exchange: Exchange, pieces: Pieces, how: Callable[[], None], seconds: float | None) -> Pieces:
    source = aiter(pieces)
    over = asyncio.ensure_future(exchange.wait(seconds)) if seconds is not None else None
    try:
        while (piece := await _before(over, source)) is not None:
            yield piece
    finally:
        if over is not None:
            over.cancel()
    await exchange.connection.drained()
    how()
    raise ConnectionEnded


async def _before(over: asyncio.Future[None] | None, source: Pieces) -> bytes | None:
    """The next piece; None at the end, and when the time is over."""
    if over is not None and over.done():
        return None
    coming: asyncio.Future[bytes | None] = asyncio.ensure_future(anext(source, None))
    if over is not None:
        waited: set[asyncio.Future[Any]] = {over, coming}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if not coming.done():
            coming.cancel()
            return None
    return await coming
