"""What a value of a message must be, and how it differs where it is not that."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, NonNegativeInt, model_validator

ABSENT: Final = object()
"""The value of a field or header that a message does not have."""
_LONGEST_SHOWN: Final = 60


def _pattern(given: str) -> str:
    try:
        re.compile(given)
    except re.error as error:
        raise ValueError(f"{given!r} is no regular expression ({error})") from error
    return given


class Matcher(BaseModel):
    """What a value must be: all that is given. Without any of it, it must only be there.

    present: whether there is one. equals, one_of: it is that, or one of these. at_least, at_most: numbers.
    matches: a regular expression that is found in the text. contains: a part of a text, an element of a list, a name
    in an object. length: of a text, a list or an object.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    present: bool = True
    equals: Any = None
    one_of: list[Any] | None = None
    at_least: float | None = None
    at_most: float | None = None
    matches: Annotated[str, AfterValidator(_pattern)] | None = None
    contains: Any = None
    length: NonNegativeInt | None = None

    @model_validator(mode="after")
    def _sensible(self) -> Matcher:
        if not self.present and self.model_fields_set != {"present"}:
            raise ValueError("present: false says that there is no value, so nothing can be said of it")
        return self

    def __str__(self) -> str:
        if not self.present:
            return "absent"
        said = [f"{name} {shown_value(getattr(self, name))}" for name in sorted(self.model_fields_set - {"present"})]
        return " and ".join(said).replace("equals ", "").replace("_", " ") or "present"

    def problem(self, found: Any) -> str | None:
        """How the value differs from what it must be; None where it does not. found: ABSENT where there is none."""
        if found is ABSENT or not self.present:
            return None if (found is ABSENT) != self.present else "is absent" if found is ABSENT else "is there"
        if all(self._holds(name, found) for name in self.model_fields_set):
            return None
        return f"is {shown_value(found)}, not {self}"

    def _holds(self, name: str, found: Any) -> bool:
        wanted = getattr(self, name)
        match name:
            case "equals":
                return _same(found, wanted)
            case "one_of":
                return any(_same(found, each) for each in wanted)
            case "at_least" | "at_most":
                number = isinstance(found, int | float) and not isinstance(found, bool)
                return number and (found >= wanted if name == "at_least" else found <= wanted)
            case "matches":
                return isinstance(found, str) and re.search(wanted, found) is not None
            case "contains":
                return _holds_part(found, wanted)
            case "length":
                return isinstance(found, str | list | dict) and len(found) == wanted
        return True


def _read(given: object) -> object:
    """A plain value stands for itself; an object is always a matcher, so that a misspelt one is noticed."""
    return given if isinstance(given, dict | Matcher) else {"equals": given}


def _read_header(given: object) -> object:
    """Of a header, true and false say whether it is there."""
    return {"present": given} if isinstance(given, bool) else _read(given)


FieldMatcher = Annotated[Matcher, BeforeValidator(_read, json_schema_input_type=Any)]
HeaderMatcher = Annotated[Matcher, BeforeValidator(_read_header, json_schema_input_type=bool | str | Matcher)]


def value_at(fields: Any, path: str) -> Any:
    """The value at `adam_params.learning_rate` or `data.0.loss_fn_inputs`; ABSENT where there is none."""
    for part in path.split("."):
        if isinstance(fields, dict) and part in fields:
            fields = fields[part]
        elif isinstance(fields, list) and part.isdecimal() and int(part) < len(fields):
            fields = fields[int(part)]
        else:
            return ABSENT
    return fields


def shown_value(value: Any) -> str:
    """A value as a reason shows it."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}..."


def _same(one: Any, other: Any) -> bool:
    # Python takes True for 1, JSON does not.
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _holds_part(whole: Any, part: Any) -> bool:
    if isinstance(whole, list):
        return any(_same(each, part) for each in whole)
    return isinstance(whole, str | dict) and isinstance(part, str) and part in whole
