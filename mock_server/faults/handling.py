"""A handler at work on one request, its answer read piece by piece, no faster than somebody takes the pieces."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING

from mock_server.faults.exchange import Answer
from mock_server.runtime import INTERFERENCE

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope

    from mock_server.faults.exchange import Pieces
    from mock_server.runtime import Interference


class Handling:
    """Runs the application beside whoever spoils its answer, and holds one piece at most."""

    def __init__(self, app: ASGIApp, scope: Scope, receive: Receive, interference: Interference | None) -> None:
        """`interference`: with the operation that this request submits, if it submits one."""
        self._messages: asyncio.Queue[Message | None] = asyncio.Queue(1)
        self._failure: Exception | None = None
        context = copy_context()
        context.run(INTERFERENCE.set, interference)
        self._task = asyncio.create_task(self._work(app, scope, receive), context=context)

    async def answer(self) -> Answer:
        """The answer, as soon as its head is there: then whatever the handler acknowledges is durable."""
        start = await self._messages.get()
        if start is None:
            raise self._failure or RuntimeError("the application ended without an answer")
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
        lengths = [int(value) for name, value in headers if name == "content-length"]
        others = [(name, value) for name, value in headers if name != "content-length"]
        return Answer(start["status"], others, self._pieces(), lengths[0] if lengths else None)

    async def end(self) -> None:
        """Let it go, wherever it is: nobody takes the rest of its answer."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _work(self, app: ASGIApp, scope: Scope, receive: Receive) -> None:
        try:
            await app(scope, receive, self._messages.put)
        except Exception as error:  # noqa: BLE001 - raised again where the answer is read
            self._failure = error
        await self._messages.put(None)

    async def _pieces(self) -> Pieces:
        while (message := await self._messages.get()) is not None:
            if message.get("body"):
                yield message["body"]
        if self._failure is not None:  # behind the answer: for the server's log
            raise self._failure
