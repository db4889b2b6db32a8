"""The short way to the routes of the API, past what the framework has for routes of other kinds."""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from mock_server.api.json_route import JsonRoute
from mock_server.api.route_table import RouteTable


class Shortcut:
    """Pure ASGI, before the framework's router and the layers around it.

    They keep files and dependencies open for a route, measure and limit it, and try one router after another. A
    JsonRoute uses none of that, and without it a heartbeat takes a tenth less.
    """

    def __init__(self, app: ASGIApp, table: RouteTable, handlers: Mapping[Any, Callable[..., Any]]) -> None:
        """`handlers` make answers of exceptions, as in the framework; bugs go on to its outermost layer."""
        self._app = app
        self._table = table
        refusals = {what: handler for what, handler in handlers.items() if what not in (500, Exception)}
        self._route = ExceptionMiddleware(_to_its_route, refusals)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match, found = self._table.matches(scope)
        if match == Match.FULL and isinstance(found.get("route"), JsonRoute):
            scope.update(found)
            await self._route(scope, receive, send)
        else:
            await self._app(scope, receive, send)


async def _to_its_route(scope: Scope, receive: Receive, send: Send) -> None:
    await scope["route"].app(scope, receive, send)
