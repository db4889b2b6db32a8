"""What is wrong with given data, flat: effects check their own parameters within a rule, rules within a scenario."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from pydantic import ValidationError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

Place = tuple[str | int, ...]
"""The way to a value: names of fields and indexes of lists."""


@dataclass(frozen=True)
class Problem:
    """One fault. of_name: the field's name is wrong, not its value."""

    place: Place
    message: str
    of_name: bool = False

    def __str__(self) -> str:
        where = ".".join(map(str, self.place))
        return f"{where}: {self.message}" if where else self.message


def problems(invalid: ValidationError, place: Place = ()) -> Iterator[Problem]:
    """All that a validation found, those of nested validations at their own places."""
    for error in invalid.errors(include_url=False):
        here = (*place, *error["loc"])
        cause = error.get("ctx", {}).get("error")
        if isinstance(cause, Misplaced):
            yield from problems(cause.invalid, (*here, *cause.place))
        elif error["type"] == "extra_forbidden":
            yield Problem(here, "there is no such field", of_name=True)
        elif error["type"] == "missing":
            yield Problem(here, "the field is missing")
        else:
            yield Problem(here, error["msg"].removeprefix("Value error, "))


class Misplaced(ValueError):
    """Raised within a validator: another validation failed, at this place below the validated one."""

    def __init__(self, place: Place, invalid: ValidationError) -> None:
        super().__init__(str(invalid))
        self.place = place
        self.invalid = invalid


def unknown(given: str, known: Collection[str]) -> str:
    """What to say of a name that nothing has; the nearest that something has, or all where none is near."""
    near = get_close_matches(given, sorted(known), n=1)
    hint = f"did you mean {near[0]}?" if near else f"give one of {', '.join(sorted(known))}"
    return f"{given!r} is unknown: {hint}"
