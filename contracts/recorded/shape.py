"""Whether one JSON value has the shape of another: a server may say more than was recorded, not less, nor otherwise."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

Difference = tuple[str, str, str]
"""(path into the value, what was recorded, what came instead)."""

FREE: Final = frozenset({"metrics", "user_metadata", "urls", "event_details", "fields"})
"""Maps whose keys are data; their values have one shape."""

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def differences(recorded: Any, got: Any, where: str = "$") -> Iterator[Difference]:
    """What `got` lacks of the recorded shape.

    A recorded null says nothing of a type, and null is as good as an absent field, to every client. The elements of
    a list must each look like one of those recorded; where some were recorded, there must be some.
    """
    if recorded is None:
        return
    if got is None:
        yield where, _kind(recorded), "nothing"
    elif isinstance(recorded, dict) and isinstance(got, dict):
        yield from _in_map(recorded, got, where)
    elif isinstance(recorded, list) and isinstance(got, list):
        yield from _in_list(recorded, got, where)
    elif _kind(recorded) != _kind(got):
        yield where, _kind(recorded), f"{_kind(got)} ({_shown(got)})"
    elif where == "$.type" and recorded != got:
        # What this answer is, by which clients choose how to read it.
        yield where, _shown(recorded), _shown(got)


def _in_map(recorded: dict[str, Any], got: dict[str, Any], where: str) -> Iterator[Difference]:
    if where.rpartition(".")[2] in FREE:
        if recorded and got:
            yield from _in_list(list(recorded.values()), list(got.values()), where)
        return
    for key, value in recorded.items():
        yield from differences(value, got.get(key), f"{where}.{key}")


def _in_list(recorded: list[Any], got: list[Any], where: str) -> Iterator[Difference]:
    """A field may be null in some elements, not in all."""
    if recorded and not got:
        yield where, f"{len(recorded)} of them", "none"
    found = [
        min((tuple(differences(other, each, f"{where}[]")) for other in recorded), key=len, default=()) for each in got
    ]
    for difference in dict.fromkeys(new for those in found for new in those):
        path, _, instead = difference
        lacking = [any(path.startswith(lack) for lack, _, nothing in those if nothing == "nothing") for those in found]
        if instead != "nothing" or all(lacking):
            yield difference


def _kind(value: Any) -> str:
    """What a client's strict types tell apart."""
    match value:
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case bytes():
            return "bytes"
        case list():
            return "a list"
        case dict():
            return "an object"
        case str() if value.startswith("tinker://"):
            return "a tinker path"
        case str() if value.startswith(("http://", "https://")):
            return "a URL"
        case str() if _TIME.match(value):
            return "a time with its zone" if _has_zone(value) else "a time without a zone"
    return "a text"


def _has_zone(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
