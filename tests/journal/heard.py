"""Exchanges as the outermost layer hears them, without a server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mock_server.journal import Journal, Surroundings
from mock_server.listening import FAULTS, Overheard

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = (b"content-type", b"application/json")


def journal(*, exchanges: int = 100, size: int = 1 << 20) -> Journal:
    """One for operations named like the ends of their paths; the key is its tenant's name; it is always 1,000 s."""
    server = Surroundings(lambda method, path: path.rpartition("/")[2], lambda key: key, lambda tenant: 1000.0)
    return Journal(server, exchanges=exchanges, size=size)


def begin(
    keeper: Journal,
    operation: str = "optim_step",
    body: object = None,
    *,
    key: str = "alice",
    method: str = "POST",
    query: str = "",
    headers: Mapping[str, str] | None = None,
) -> Overheard:
    """A request that has come and has no answer so far."""
    named = {"x-api-key": key, "content-type": "application/json", **(headers or {})}
    heard = Overheard(
        {
            "type": "http",
            "method": method,
            "path": f"/api/v1/{operation}",
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        }
    )
    keeper.began(heard)
    heard.asked.add(body if isinstance(body, bytes) else json.dumps(body or {}).encode())
    return heard


def end(
    keeper: Journal,
    heard: Overheard,
    status: int | None = 200,
    answer: object = None,
    faults: tuple[str, ...] = (),
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> None:
    """The end of the exchange; without a status its answer was lost."""
    if status is not None:
        heard.start = {"type": "http.response.start", "status": status, "headers": [JSON, *headers]}
        heard.answer.add(answer if isinstance(answer, bytes) else json.dumps(answer or {}).encode())
        heard.answered = True
    if faults:
        heard.scope[FAULTS] = list(faults)
    heard.ended = heard.started + 0.25
    keeper.ended(heard)


def hear(
    keeper: Journal, operation: str = "optim_step", body: object = None, *, key: str = "alice", **ended: Any
) -> None:
    """One whole exchange."""
    end(keeper, begin(keeper, operation, body, key=key), **ended)
