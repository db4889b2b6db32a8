"""Requests of a recording go out when what their client had waited for has been answered, and not later."""

from __future__ import annotations

import asyncio

import httpx

from contracts.exchange import Exchange, Request, Response
from mock_server.scenarios.replaying import replay

NOT_FOUND = Response(404)


def exchange(number: int, path: str, started: float, ended: float) -> Exchange:
    return Exchange(number, Request("GET", path), NOT_FOUND, started, ended)


async def test_each_waits_for_what_had_ended_before_it_and_for_nothing_else() -> None:
    # A long poll over all; within it one after the other, and one that came while the other was being answered.
    recorded = [
        exchange(1, "/poll", 0.0, 9.0),
        exchange(2, "/a", 1.0, 3.0),
        exchange(3, "/b", 2.0, 4.0),
        exchange(4, "/c", 3.0, 5.0),
        exchange(5, "/d", 6.0, 7.0),
    ]
    events: list[str] = []
    came = {path: asyncio.Event() for path in ("/poll", "/a", "/b", "/c", "/d")}

    async def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        events.append(path)
        came[path].set()
        if path == "/poll":
            await came["/d"].wait()
        elif path == "/a":
            await came["/b"].wait()
            # Longer than who waits for nothing takes to send the next.
            await asyncio.sleep(0.2)
        events.append(f"{path} ended")
        return httpx.Response(404)

    async with (
        asyncio.timeout(30),
        httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://server") as client,
    ):
        found = await replay(recorded, client, "tml-key", lambda: len(recorded))
    assert found is None
    assert [each for each in events if not each.endswith(" ended")] == list(came)
    assert events.index("/a ended") < events.index("/c")
    assert events[-1] == "/poll ended"
