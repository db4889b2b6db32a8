"""How a server is broken from outside: a function wrapped or replaced before it starts, or answers rewritten.

The server itself knows no switch for any of it, so a mutant can't be shipped by mistake.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True)
class Mutant:
    """A server with one fault. title: what it does wrong. module: where it stands.

    killed_by: the checks that must fail on it. during: the check that is asked where those only watch.
    """

    name: str
    title: str
    module: str
    killed_by: tuple[str, ...]
    during: str
    install: Callable[[], None]


REGISTERED: Final[dict[str, Mutant]] = {}
REWRITERS: Final[list[Rewriter]] = []
"""What is done to this process's answers: filled by the one mutant that is installed."""


def mutant(*, killed_by: str | tuple[str, ...], during: str = "") -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Register a function that breaks the server that this process is about to start; its docstring is the title."""

    def register(install: Callable[[], None]) -> Callable[[], None]:
        name = install.__name__.replace("_", "-")
        assert name not in REGISTERED, name
        title = (install.__doc__ or "").strip().rstrip(".")
        killers = (killed_by,) if isinstance(killed_by, str) else killed_by
        REGISTERED[name] = Mutant(name, title, install.__module__, killers, during, install)
        return install

    return register


def answers(
    route: str, *, killed_by: str | tuple[str, ...], during: str = ""
) -> Callable[[Callable[[Answer], None]], Callable[[Answer], None]]:
    """Register a mutant that rewrites every answer of a route: `POST /optim_step`, as an expression below /api/v1."""

    def register(rewrite: Callable[[Answer], None]) -> Callable[[Answer], None]:
        def install() -> None:
            method, _, path = route.partition(" ")
            REWRITERS.append(Rewriter(re.compile(method), re.compile(f"(/api/v1)?{path}"), rewrite))

        install.__name__, install.__module__ = rewrite.__name__, rewrite.__module__
        install.__doc__ = rewrite.__doc__
        mutant(killed_by=killed_by, during=during)(install)
        return rewrite

    return register


def replaced(owner: Any, name: str, replacement: Any) -> None:
    """Put something else in the place of a function of a module or class."""
    setattr(owner, name, replacement)


def wrapped(owner: Any, name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Replace a function of a module or class by `wrap(the function)`."""
    setattr(owner, name, wrap(getattr(owner, name)))


@dataclass(frozen=True)
class Rewriter:
    """What to do to the answers of the requests whose method and path match."""

    method: re.Pattern[str]
    path: re.Pattern[str]
    rewrite: Callable[[Answer], None]

    def concerns(self, method: str, path: str) -> bool:
        return bool(self.method.fullmatch(method) and self.path.fullmatch(path))


@dataclass
class Answer:
    """An answer on its way out, to be spoilt. headers: by lower-case names.

    path: decoded; target: as it came, with the query. key, asked: the request's key and body.
    """

    path: str
    target: str
    key: str
    asked: bytes
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def json(self) -> Any:
        """The body as JSON; an empty object where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return {}

    @json.setter
    def json(self, value: object) -> None:
        self.body = json.dumps(value).encode()

    def refuse(self, status: int, why: str) -> None:
        """Answer an error in the usual form."""
        self.status, self.json = status, {"detail": why, "message": why, "error": "invalid_request", "category": "user"}

    def replace(self, **fields: Any) -> None:
        """Set these fields of a JSON object."""
        self.json = {**self.json, **fields}

    def drop(self, *names: str) -> None:
        """Leave these fields of a JSON object out."""
        self.json = {name: value for name, value in self.json.items() if name not in names}


class Rewriting:
    """ASGI middleware: collects the answers that a rewriter wants, and sends what it made of them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = [
            each for each in REWRITERS if scope["type"] == "http" and each.concerns(scope["method"], scope["path"])
        ]
        if not found:
            await self._app(scope, receive, send)
            return
        asked = b""
        while True:
            message = await receive()
            asked += message.get("body", b"")
            if not message.get("more_body"):
                break
        target = f"{scope['raw_path'].decode('latin-1')}?{scope['query_string'].decode('latin-1')}"
        key = dict(scope["headers"]).get(b"x-api-key", b"").decode("latin-1")
        answer = Answer(scope["path"], target, key, asked)

        bodies: list[Message] = [{"type": "http.request", "body": asked}]

        async def replay() -> Message:
            return bodies.pop() if bodies else await receive()

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                answer.body += message.get("body", b"")

        await self._app(scope, replay, collect)
        for each in found:
            each.rewrite(answer)
        if scope["method"] != "HEAD":
            answer.headers["content-length"] = str(len(answer.body))
        headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
