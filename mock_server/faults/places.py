"""Places within a JSON answer: `metrics.loss:sum`, `sequences.0.tokens`, by names and indexes with dots between."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from mock_server.faults.exchange import Answer


def change(answer: Answer, place: str, how: Callable[[Any, Any], None]) -> None:
    """Call `how(container, key)` for the place in the answer's JSON, which is written anew; nothing where it is absent.

    container: the list or object that holds the place, key: its index or name there.
    """
    try:
        whole = json.loads(answer.body)
        container, key = _found(whole, place.split("."))
    except (ValueError, LookupError, TypeError):
        return
    how(container, key)
    answer.body = json.dumps(whole).encode()


def _found(whole: Any, names: list[str]) -> tuple[Any, Any]:
    container = whole
    for name in names[:-1]:
        container = container[int(name) if isinstance(container, list) else name]
    key = int(names[-1]) if isinstance(container, list) else names[-1]
    container[key]  # LookupError where it is absent
    return container, key
