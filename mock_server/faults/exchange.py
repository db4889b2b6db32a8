"""One request that a fault may strike, its answer once there is one, and the connection under both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, Any

from mock_server.runtime import Clock, Interference, Runtime, pause

if TYPE_CHECKING:
    from mock_server.faults.connection import Connection
    from mock_server.faults.facts import Facts
    from mock_server.faults.registry import Phase
    from mock_server.runtime.interference import After, Before

Headers = list[tuple[str, str]]
Pieces = AsyncIterator[bytes]


class Missed(Exception):
    """The effect found nothing to act on in this exchange, which stays as it was."""


@dataclass
class Answer:
    """An answer that has not been sent: its body is still on its way from the handler, however long it is.

    headers: lower-case names, all but Content-Length.  announced: what that says, in bytes; None: sent in chunks.
    """

    status: int
    headers: Headers
    pieces: Pieces
    announced: int | None = None

    @classmethod
    def of(cls, status: int, headers: Headers, body: bytes) -> Answer:
        return cls(status, headers, _once(body), len(body))

    def header(self, name: str) -> str:
        """The first value of a header, by its lower-case name; empty where it is absent."""
        return next((value for each, value in self.headers if each == name), "")

    def set_header(self, name: str, value: str) -> None:
        self.headers = [*((each, old) for each, old in self.headers if each != name), (name, value)]

    @property
    def media_type(self) -> str:
        return self.header("content-type").partition(";")[0].strip()

    async def whole(self) -> bytes:
        """Its body, collected: for what must be seen as a whole, which JSON and protobuf are short enough for."""
        body = b"".join([piece async for piece in self.pieces])
        self.pieces = _once(body)
        return body

    def put(self, body: bytes) -> None:
        """Send this body in place of its own."""
        self.pieces, self.announced = _once(body), len(body)


@dataclass
class Exchange:
    """operation: the operationId of openapi.yaml. tenant: None where no key and no signature says whose it is.

    told: request headers, by lower-case names, that the handler is told in place of the client's.
    answer: None before the handler. connection: what an effect may do to the socket.
    random: drawn from by effects, seeded by the rule and its occurrence, so that a replay meets the same.
    kept: what the striking rule remembers from one exchange to the next.
    """

    operation: str
    tenant: str | None
    method: str
    path: str
    query: str
    body: bytes
    facts: Facts
    connection: Connection
    runtime_of: Callable[[], Runtime]
    phase: Phase = "before_handler"
    random: Random = field(init=False)
    kept: dict[str, Any] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    answer: Answer | None = None
    struck_by: list[str] = field(default_factory=list)
    """The names of the faults that the answer tells of."""
    touched_by: list[str] = field(default_factory=list)
    """The same with those that are silent."""
    interference: Interference | None = None
    """What is to happen to the operation that this request submits."""

    @property
    def runtime(self) -> Runtime:
        return self.runtime_of()

    @property
    def clock(self) -> Clock:
        """The tenant's; the machine's where nobody knows whose the request is."""
        return self.runtime.clocks.of(self.tenant)

    @property
    def answered(self) -> Answer:
        """The answer, for effects that act when there is one."""
        assert self.answer is not None
        return self.answer

    def interfere(self, **how: Any) -> None:
        """Disturb the operation that this request submits, beside what else disturbs it."""
        self.interference = replace(self.interference or Interference(), **how)

    def touched(self, name: str, *, silent: bool) -> None:
        """Note which fault acts, for who watches and, unless it is silent, for the client."""
        self.touched_by.append(name)
        if not silent:
            self.struck_by.append(name)

    def interfere_before(self, hook: Before) -> None:
        """Call it before the operation that this request submits is executed, beside what else is called then."""
        self.interfere(before=(*(self.interference or Interference()).before, hook))

    def interfere_after(self, hook: After) -> None:
        """Call it when the operation that this request submits has ended, beside what else is called then."""
        self.interfere(after=(*(self.interference or Interference()).after, hook))

    async def wait(self, seconds: float) -> None:
        """Let that much of the tenant's time pass."""
        await pause(self.clock, seconds)


async def _once(body: bytes) -> Pieces:
    if body:
        yield body
