"""Routes that are made when somebody first asks for one of them, so that no start waits for what few servers need."""

from collections.abc import Callable

from fastapi import APIRouter
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send


class FirstAsked(BaseRoute):
    """All paths below a prefix."""

    def __init__(self, prefix: str, make: Callable[[], APIRouter]) -> None:
        self._prefix = f"{prefix}/"
        self._make = make
        self._router: APIRouter | None = None

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        ours = scope["type"] == "http" and scope["path"].startswith(self._prefix)
        return Match.FULL if ours else Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._router is None:
            self._router = self._make()
        await self._router(scope, receive, send)
