"""Sends recorded requests to a fresh server, each when everything has been answered that its client had waited for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from contracts.exchange import Response
from contracts.exchange import headers as header_map
from mock_server.scenarios.normal import difference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import httpx

    from contracts.exchange import Exchange

_LEFT_TO_HTTP: Final = {"host", "content-length", "connection", "transfer-encoding", "accept-encoding"}
_ANSWER_SECONDS: Final = 90
_ARRIVAL_SECONDS: Final = 5


@dataclass(frozen=True)
class Difference:
    """The first in which an answer is not the recorded one."""

    exchange: Exchange
    where: str
    recorded: str
    got: str

    def __str__(self) -> str:
        return f"{self.exchange}\n  {self.where}\n  recorded: {self.recorded}\n  now:      {self.got}"


async def replay(
    exchanges: Sequence[Exchange], client: httpx.AsyncClient, key: str, arrived: Callable[[], int]
) -> Difference | None:
    """Send all requests under this key; returns the first difference by their order, None where there is none.

    exchanges: in the order in which their requests came, numbered from 1. client: with the server's URL.
    arrived: how many of the tenant's requests have reached the server.

    A client sends many requests at once, so what it had waited for is the order: a request goes out when all exchanges
    have ended that had ended before it was sent, and when the one before it has arrived.
    """
    sending: list[asyncio.Task[Response | None]] = []
    not_awaited: list[tuple[float, int]] = []
    """A heap: when an exchange ended, and its index."""
    for index, exchange in enumerate(exchanges):
        while not_awaited and not_awaited[0][0] <= exchange.started:
            _, ended = heappop(not_awaited)
            await sending[ended]
        sending.append(asyncio.create_task(_answer(client, exchange, key)))
        heappush(not_awaited, (exchange.ended, index))
        await _arrival(sending[index], index + 1, arrived)
    answers = await asyncio.gather(*sending)
    for exchange, got in zip(exchanges, answers, strict=True):
        polled = exchange.request.headers.get("x-tinker-request-type")
        found = difference(exchange.response, got, "SampleResponse" if polled == "Sample" else "ForwardBackwardOutput")
        if found is not None:
            return Difference(exchange, *found)
    return None


async def _arrival(sent: asyncio.Task[Response | None], place: int, arrived: Callable[[], int]) -> None:
    """Return when the request is with the server: those of one moment are to come in their order."""
    deadline = asyncio.get_running_loop().time() + _ARRIVAL_SECONDS
    # What is answered at once has arrived; only of the others the server needs to be asked.
    await asyncio.wait({sent}, timeout=0.05)
    while not sent.done() and await asyncio.to_thread(arrived) < place:
        if asyncio.get_running_loop().time() > deadline:
            return
        await asyncio.sleep(0.01)


async def _answer(client: httpx.AsyncClient, exchange: Exchange, key: str) -> Response | None:
    import httpx  # noqa: PLC0415 - an extra that not everybody has

    request = exchange.request
    sent = {name: value for name, value in request.headers.items() if name not in _LEFT_TO_HTTP}
    if "x-api-key" in sent:
        sent["x-api-key"] = key
    url = quote(request.path, safe="/:@!$&'()*+,;=~-._") + (f"?{request.query}" if request.query else "")
    try:
        answer = await client.request(
            request.method, url, headers=sent, content=request.body or None, timeout=_ANSWER_SECONDS
        )
    except httpx.TransportError:
        return None
    return Response(answer.status_code, header_map(list(answer.headers.items())), answer.content)
