"""One request that a fault may strike, its answer once there is one, and the connection under both."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

    from mock_server.faults.connection import Connection
    from mock_server.runtime import Interference

Headers = list[tuple[str, str]]


@dataclass
class Answer:
    """An answer that has not been sent. headers: lower-case names; Content-Length is written when it is sent."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str:
        """The first value of a header, by its lower-case name; empty where it is absent."""
        return next((value for each, value in self.headers if each == name), "")

    def set_header(self, name: str, value: str) -> None:
        self.headers = [*((each, old) for each, old in self.headers if each != name), (name, value)]

    @property
    def media_type(self) -> str:
        return self.header("content-type").partition(";")[0].strip()


@dataclass
class Exchange:
    """operation: the operationId of openapi.yaml, None for anything else. tenant: None where no key says whose it is.

    answer: None before the handler. connection: what an effect may do to the socket.
    random: drawn from by effects, seeded by the rule and its occurrence, so that a replay meets the same.
    """

    operation: str | None
    tenant: str | None
    method: str
    path: str
    body: bytes
    connection: Connection
    random: Random
    answer: Answer | None = None
    struck_by: list[str] = field(default_factory=list)
    """The names of the faults that the answer tells of."""
    touched_by: list[str] = field(default_factory=list)
    """The same with those that are silent."""
    interference: Interference | None = None
    """What is to happen to the operation that this request submits."""
    dribble: tuple[int, float] | None = None
    """Bytes of a piece, and seconds between two: how the body is sent; None sends it at once."""

    @property
    def json(self) -> dict[str, Any]:
        """The request's JSON object; empty where it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}
