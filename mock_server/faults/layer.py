"""The layer around the application: lets the active faults act before, after and in the body of an exchange."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mock_server.faults.connection import Connection, ConnectionEnded
from mock_server.faults.exchange import Answer, Exchange, Missed
from mock_server.faults.facts import Asked, Facts, facts_of, whose
from mock_server.faults.handling import Handling
from mock_server.faults.names import asked, is_placeholder, resolved
from mock_server.faults.staging import corrupt
from mock_server.listening import FAULTS
from mock_server.runtime import Runtime

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from mock_server.faults.plan import ActiveRule, FaultPlan, Strike
    from mock_server.faults.registry import Phase

log = logging.getLogger(__name__)

_POLL: Final = "retrieve_future"
MARK: Final = "x-tinker-mock-fault"
"""The header by which an answer says which faults touched it, so that nobody debugs an injected error as a real one."""


@dataclass(frozen=True)
class Server:
    """What the layer must know of the server that it stands before.

    operation_of: the operation of a method and a path, None for what is no operation of the API.
    tenant_of: whose an X-API-Key header is. runtime: the server's, once it has started.
    """

    operation_of: Callable[[str, str], str | None]
    tenant_of: Callable[[str], str | None]
    runtime: Callable[[], Runtime]

    def asked(self, request_id: str) -> Asked | None:
        """What a request id stands for, from memory or from the store."""
        runtime = self.runtime()
        live: Any = runtime.board.get(request_id)
        if live is None:
            live = runtime.store.read_now(asked, request_id)
        return None if live is None else Asked(live.kind, live.target, live.seq_id)

    def interfered(self, body: bytes) -> tuple[tuple[str, bool], ...]:
        """The faults that disturb the operation of a poll, and whether each is silent."""
        try:
            request_id = json.loads(body)["request_id"]
        except (ValueError, RecursionError, LookupError, TypeError):
            return ()
        live = self.runtime().board.get(request_id) if isinstance(request_id, str) else None
        return () if live is None or live.interference is None else live.interference.by

    def resolve(self, noun: str, tenant: str | None, name: str) -> str | None:
        """What a placeholder stands for; any other name stands for itself."""
        return self.runtime().store.read_now(resolved, noun, tenant, name) if is_placeholder(name) else name


class FaultLayer:
    """Pure ASGI, and around all of the framework: what its middleware makes of `send` can't reach the connection."""

    def __init__(self, app: ASGIApp, plan: FaultPlan, server: Server) -> None:
        self._app = app
        self._plan = plan
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        concerned = self._plan.active and scope["type"] == "http"
        operation = self._server.operation_of(scope["method"], scope["path"]) if concerned else None
        if operation is None:
            await self._app(scope, receive, send)
            return
        tenant = whose(scope, self._server.tenant_of)
        rules = self._plan.concerning(operation, tenant)
        polls = operation == _POLL and self._plan.is_about(tenant)
        if not (rules or polls):
            await self._app(scope, receive, send)
            return
        body = await _whole(receive)
        # Of a poll that no rule concerns, only what disturbs its operation matters.
        facts = facts_of(scope["path"], _named(scope), body, operation, self._server.asked) if rules else Facts()
        rules = [each for each in rules if each.matches(tenant, facts, self._server.resolve)]
        at_once = [strike for each in rules if each.rule.answered is None and (strike := each.strike()) is not None]
        later = [each for each in rules if each.rule.answered is not None]
        marks = self._server.interfered(body) if polls else ()
        replayed = _replayed(body, receive)
        if not (at_once or later or marks):
            await self._app(scope, replayed, send)
            return
        exchange = Exchange(
            operation,
            tenant,
            scope["method"],
            scope["path"],
            scope["query_string"].decode("latin-1"),
            body,
            facts,
            Connection(receive, send),
            self._server.runtime,
        )
        for name, silent in marks:
            exchange.touched(name, silent=silent)
        # Known to who listens outside of this layer, whatever becomes of the exchange.
        scope[FAULTS] = exchange.touched_by
        await self._disturbed(exchange, at_once, later, scope, replayed, send)

    async def _disturbed(
        self,
        exchange: Exchange,
        strikes: list[Strike],
        later: list[ActiveRule],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """An exchange under these strikes, and under those of the rules that wait for its answer's status."""
        handling: Handling | None = None
        try:
            await _act(exchange, strikes, "before_handler")
            if exchange.answer is None:
                await _act(exchange, strikes, "in_operation")
                _sign(exchange, strikes)
                await corrupt(exchange, strikes, "before")
                handling = Handling(self._app, _told(scope, exchange.told), receive, exchange.interference)
                exchange.answer = await handling.answer()
                await corrupt(exchange, strikes, "after")
            strikes = strikes + _of_answer(later, exchange.answer)
            await _act(exchange, strikes, "after_commit")
            await _act(exchange, strikes, "in_body")
            await _send(exchange, exchange.answered, send)
        except ConnectionEnded:
            pass
        finally:
            if handling is not None:
                await handling.end()


def _of_answer(rules: list[ActiveRule], answer: Answer) -> list[Strike]:
    """The strikes of rules that count by the true answer's status."""
    counted = [each for each in rules if answer.status in (each.rule.answered or ())]
    return [strike for each in counted if (strike := each.strike()) is not None]


async def _act(exchange: Exchange, strikes: list[Strike], phase: Phase) -> None:
    """Let the strikes of a phase act, in the order of their rules."""
    exchange.phase = phase
    for strike in sorted((each for each in strikes if each.phase == phase), key=lambda each: each.rule.id):
        exchange.random, exchange.kept = strike.random, strike.rule.kept
        touched_by, struck_by = len(exchange.touched_by), len(exchange.struck_by)
        exchange.touched(name := strike.rule.effect.name, silent=strike.rule.rule.silent)
        try:
            await strike.rule.effect.strike(exchange)
        except Missed as missed:
            strike.rule.missed += 1
            del exchange.touched_by[touched_by:], exchange.struck_by[struck_by:]
            log.warning("fault %d, %s, struck nothing at %s: %s", strike.rule.id, name, exchange.operation, missed)


def _sign(exchange: Exchange, strikes: list[Strike]) -> None:
    """Let the operation that is submitted carry along by which faults it is disturbed, for the answers to its polls."""
    rules = [strike.rule for strike in strikes if strike.phase == "in_operation"]
    if rules:
        exchange.interfere(by=tuple((each.effect.name, each.rule.silent) for each in rules))


async def _send(exchange: Exchange, answer: Answer, send: Send) -> None:
    if answer.announced is not None:
        answer.set_header("content-length", str(answer.announced))
    if exchange.struck_by:
        answer.set_header(MARK, ", ".join(exchange.struck_by))
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    async for piece in answer.pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _named(scope: Scope) -> dict[str, str]:
    """The headers of a request, by lower-case names."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _told(scope: Scope, headers: dict[str, str]) -> Scope:
    """The scope with some of its headers replaced."""
    if not headers:
        return scope
    told = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    replaced = {name for name, _ in told}
    return {**scope, "headers": [*(each for each in scope["headers"] if each[0] not in replaced), *told]}


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
