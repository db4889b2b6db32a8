"""The outermost layer of the server: lets the active faults act before, after and in the body of an exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mock_server.faults.connection import Connection, ConnectionEnded
from mock_server.faults.exchange import Answer, Exchange
from mock_server.faults.facts import Facts, facts_of
from mock_server.listening import FAULTS
from mock_server.runtime import INTERFERENCE

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from mock_server.faults.plan import FaultPlan, Strike
    from mock_server.faults.registry import Phase

MARK: Final = "x-tinker-mock-fault"
"""The header by which an answer says which faults touched it, so that nobody debugs an injected error as a real one."""

OperationOf = Callable[[str, str], str | None]
TenantOf = Callable[[str], str | None]


class FaultLayer:
    """Pure ASGI, and outermost: what a framework's middleware makes of `send` can't reach the connection."""

    def __init__(self, app: ASGIApp, plan: FaultPlan, operation_of: OperationOf, tenant_of: TenantOf) -> None:
        """`operation_of` names the operation of a method and a path, None for what is no operation of the API;
        `tenant_of` the tenant of an X-API-Key header.
        """
        self._app = app
        self._plan = plan
        self._operation_of = operation_of
        self._tenant_of = tenant_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._plan.active or scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        operation = self._operation_of(scope["method"], scope["path"])
        if operation is None:
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        body = await _whole(receive)
        facts = facts_of(scope["path"], headers, body) if self._plan.looks_into_bodies else Facts()
        key = headers.get("x-api-key")
        tenant = None if key is None else self._tenant_of(key)
        strikes = self._plan.strikes(operation, tenant, facts)
        if not strikes:
            await self._app(scope, _replayed(body, receive), send)
            return
        exchange = Exchange(
            operation, tenant, scope["method"], scope["path"], body, Connection(receive, send), strikes[0].random
        )
        # Known to who listens outside of this layer, whatever becomes of the exchange.
        scope[FAULTS] = exchange.touched_by
        try:
            await _act(exchange, strikes, "before_handler")
            if exchange.answer is None:
                await _act(exchange, strikes, "in_operation")
                # Only for this request: each runs in a context of its own.
                INTERFERENCE.set(exchange.interference)
                exchange.answer = await self._handled(scope, _replayed(body, receive))
            await _act(exchange, strikes, "after_commit")
            await _act(exchange, strikes, "in_body")
        except ConnectionEnded:
            return
        await _send(exchange, exchange.answer, send)

    async def _handled(self, scope: Scope, receive: Receive) -> Answer:
        """The handler's answer, collected. When it is here, whatever the handler acknowledges is durable."""
        answer = Answer(500)

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = [
                    (name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]
                ]
            elif message["type"] == "http.response.body":
                answer.body += message.get("body", b"")

        await self._app(scope, receive, collect)
        answer.headers = [(name, value) for name, value in answer.headers if name != "content-length"]
        return answer


async def _act(exchange: Exchange, strikes: list[Strike], phase: Phase) -> None:
    for strike in strikes:
        if strike.phase == phase:
            exchange.random = strike.random
            exchange.touched_by.append(strike.rule.effect.name)
            if not strike.rule.rule.silent:
                exchange.struck_by.append(strike.rule.effect.name)
            await strike.rule.effect.strike(exchange)


async def _send(exchange: Exchange, answer: Answer, send: Send) -> None:
    promised = int(answer.header("content-length") or len(answer.body))
    answer.set_header("content-length", str(promised))
    if exchange.struck_by:
        answer.set_header(MARK, ", ".join(exchange.struck_by))
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    size, seconds = exchange.dribble or (max(len(answer.body), 1), 0.0)
    for start in range(0, len(answer.body), size):
        if start:
            await asyncio.sleep(seconds)
        piece = answer.body[start : start + size]
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    if promised > len(answer.body) and exchange.method != "HEAD":
        exchange.connection.close()
        return
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _whole(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was read already, and then whatever comes: the client's disconnect."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
