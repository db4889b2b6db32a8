"""What one tenant's part of the journal is made of: compact records, the oldest of which make room for new ones."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contracts.exchange import Exchange
    from mock_server.journal.contents import Contents
    from mock_server.listening import Overheard

Head = bytes
"""Names and values of headers in turns, each on a line: what no header can have within it."""

OVERHEAD: Final = 1500
"""Bytes that a record takes beside its bodies: itself and its heads."""


@dataclass(slots=True, eq=False)
class Record:
    """Bodies are shared contents, once the exchange has ended; until then, who hears it has the request's."""

    number: int
    serial: int
    """Its place among all requests of the server."""
    at: float
    tenant: str | None
    operation: str | None
    method: str
    path: str
    query: str
    asked_head: Head
    heard: Overheard | None
    """The exchange while it is in flight."""
    asked: bytes = b""
    asked_whole: bool = True
    status: int | None = None
    """None where the client did not get all of an answer."""
    said_head: Head = b""
    said: bytes = b""
    said_whole: bool = True
    started: float = 0.0
    ended: float = 0.0
    faults: tuple[str, ...] = ()
    verdicts: tuple[tuple[str, str], ...] = ()
    forgotten: bool = False

    def complete(self, heard: Overheard, contents: Contents) -> None:
        """Take over what was heard to the end of the exchange."""
        self.asked, self.asked_whole = contents.keep(heard.asked.body), heard.asked.whole
        if heard.start is not None and heard.answered:
            self.status = heard.start["status"]
            self.said_head = head_of(heard.start.get("headers", ()))
            self.said, self.said_whole = contents.keep(heard.answer.body), heard.answer.whole
        self.faults = tuple(heard.faults)
        self.verdicts = tuple(heard.verdicts)
        self.started, self.ended = heard.started, heard.ended
        self.heard = None

    def release(self, contents: Contents) -> None:
        """Nobody will ask for it again."""
        self.forgotten = True
        if self.heard is None:
            contents.drop(self.asked)
            if self.status is not None:
                contents.drop(self.said)

    def exchange(self) -> Exchange:
        """As a value that stays what it is, without any key; one in flight has just begun and ended."""
        from contracts.capture import without_secrets  # noqa: PLC0415 - only who asks needs it
        from contracts.exchange import Exchange, Request, Response  # noqa: PLC0415

        asked = without_secrets(_headers(self.asked_head))
        body, whole = self.asked, self.asked_whole
        started, ended = self.started, self.ended
        if self.heard is not None:
            body, whole = self.heard.asked.body, self.heard.asked.whole
            started = ended = self.heard.started
        request = Request(self.method, self.path, self.query, asked, body, whole)
        response = None
        if self.status is not None:
            said = without_secrets(_headers(self.said_head))
            response = Response(self.status, said, self.said, self.said_whole)
        return Exchange(self.number, request, response, started, ended)


@dataclass(slots=True)
class Ring:
    """A tenant's records, oldest first. last: the number of the newest, whether or not it is still there."""

    last: int = 0
    records: deque[Record] = field(default_factory=deque)


def head_of(headers: Iterable[tuple[bytes, bytes]]) -> Head:
    """Headers as they are kept."""
    return b"\n".join(chain.from_iterable(headers))


def _headers(head: Head) -> dict[str, str]:
    from contracts.exchange import headers  # noqa: PLC0415 - only who asks needs it

    parts = iter(head.decode("latin-1").split("\n")) if head else iter(())
    return headers([(name, value) for name, value in zip(parts, parts, strict=True)])
