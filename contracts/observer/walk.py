"""Values somewhere inside JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


def values_of(value: Any, names: Collection[str] | None) -> Iterator[Any]:
    """The values of all keys with these names, at any depth; of every key where no names are given."""
    remaining = [value]
    while remaining:
        match remaining.pop():
            case dict() as mapping:
                for name, each in mapping.items():
                    if names is None or name in names:
                        yield each
                    if isinstance(each, (dict, list)):
                        remaining.append(each)
            case list() as items:
                remaining += [each for each in items if isinstance(each, (dict, list))]
