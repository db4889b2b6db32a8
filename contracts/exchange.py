"""What crossed the wire, as plain values: one request with its answer, and all before it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

Headers = Mapping[str, str]
DEEPEST: Final = 200
"""Levels. Whatever writes, reads or compares JSON as values recurses, and has its limits not far beyond."""


def headers(pairs: Mapping[str, str] | list[tuple[str, str]]) -> dict[str, str]:
    """Headers by their lower-case names; of a repeated name the values are joined, as HTTP allows."""
    joined: dict[str, str] = {}
    for name, value in pairs.items() if isinstance(pairs, Mapping) else pairs:
        name = name.lower()  # noqa: PLW2901 - one name, made comparable
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def is_deep(value: Any) -> bool:
    """Whether what json.loads returned is nested deeper than anybody means it."""
    level: list[Any] = [[value]]
    for _ in range(DEEPEST + 1):
        insides = [outer.values() if type(outer) is dict else outer for outer in level]
        # Thousands of numbers come by here; isinstance takes thrice as long.
        level = [each for inside in insides for each in inside if type(each) is list or type(each) is dict]
        if not level:
            return False
    return True


class _Body:
    """JSON of a message's body, read once. Subclasses have `headers` and `body`."""

    headers: Headers
    body: bytes

    @property
    def media_type(self) -> str:
        """The content type without its parameters; empty where none was named."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    @cached_property
    def json(self) -> Any:
        """The body as JSON; None where it is no JSON (or is `null`), or so deep that it was made to hurt its reader."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return None if is_deep(value) else value


@dataclass(frozen=True)
class Request(_Body):
    """path: decoded, below the server's base URL (`/api/v1/optim_step`). query: as sent, without the `?`.

    whole: whether the body was kept to its end; who listens in may keep only the beginning of a long one.
    """

    method: str
    path: str
    query: str = ""
    headers: Headers = field(default_factory=dict)
    body: bytes = b""
    whole: bool = True

    def __str__(self) -> str:
        return f"{self.method} {self.path}{'?' + self.query if self.query else ''}"


@dataclass(frozen=True)
class Response(_Body):
    """An answer as it crossed the wire, content encoding undone. whole: as with a request."""

    status: int
    headers: Headers = field(default_factory=dict)
    body: bytes = b""
    whole: bool = True


@dataclass(frozen=True)
class Exchange:
    """One request and its answer; None where the connection ended without one.

    number: the order of requests on this wire, from 1. started, ended: seconds on one clock, of any zero.
    notes: what else its recorder knew, as JSON values; a server's journal says the operation and what faults struck.
    """

    number: int
    request: Request
    response: Response | None
    started: float = 0.0
    ended: float = 0.0
    notes: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        status = "no answer" if self.response is None else str(self.response.status)
        return f"#{self.number} {self.request} -> {status}"
