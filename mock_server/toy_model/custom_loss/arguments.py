"""The arguments of a graph's nodes: JSON in, Python out, with references to the results of earlier nodes.

The forms are those of the SDK's CustomLossNode: scalars and lists as they are, everything else an object of one key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mock_server.toy_model.custom_loss.operations.arguments import Dtype, Place

_DEEPEST = 8
_LONGEST = 256


@dataclass(frozen=True, slots=True)
class Reference:
    """The result of an earlier node, by its place."""

    place: int


@dataclass(frozen=True, slots=True)
class SliceOf:
    """A slice whose ends may be references."""

    ends: tuple[Any, Any, Any]


def decode(given: Any, places: Mapping[str, int], depth: int = 0) -> Any:
    """An argument with references in place of nodes. ValueError says what is wrong."""
    if depth > _DEEPEST:
        raise ValueError(f"an argument is nested deeper than {_DEEPEST}")
    if given is None or isinstance(given, bool | float):
        return given
    if isinstance(given, int):
        if not -(2**63) <= given < 2**63:
            raise ValueError(f"{str(given)[:20]}... does not fit in int64")
        return given
    if isinstance(given, str):
        if len(given) > _LONGEST:
            raise ValueError(f"a text of {len(given)} characters: {_LONGEST} are the most")
        return given
    if isinstance(given, list):
        return [decode(entry, places, depth + 1) for entry in _short(given)]
    if isinstance(given, dict) and len(given) == 1:
        ((form, content),) = given.items()
        return _decode_form(form, content, places, depth)
    raise ValueError(f"{str(given)[:60]!r} is no argument: give a scalar, a list, or an object of one key")


def _decode_form(form: str, content: Any, places: Mapping[str, int], depth: int) -> Any:
    match form, content:
        case "ref", str():
            if content not in places:
                raise ValueError(f"refers to {content[:64]!r}, which is no node before it")
            return Reference(places[content])
        case "tuple", list():
            return tuple(decode(entry, places, depth + 1) for entry in _short(content))
        case "dict", dict():
            return {name: decode(entry, places, depth + 1) for name, entry in _short(content).items()}
        case "slice", [start, stop, step]:
            return SliceOf(tuple(decode(end, places, depth + 1) for end in (start, stop, step)))
        case "ellipsis", True:
            return Ellipsis
        case "float", "inf" | "-inf" | "nan":
            return float(content)
        case "dtype", str():
            return Dtype.named(content)
        case (("device" | "layout" | "memory_format"), str()):
            return Place()
    raise ValueError(f"{str({form: content})[:60]} is none of the forms of an argument")


def _short(content: Any) -> Any:
    if len(content) > _LONGEST:
        raise ValueError(f"an argument of {len(content)} entries: {_LONGEST} are the most")
    return content


def resolve(argument: Any, results: Sequence[Any]) -> Any:
    """The argument with the results that it refers to."""
    kind = type(argument)
    if kind is Reference:
        return results[argument.place]
    if kind is list:
        return [resolve(entry, results) for entry in argument]
    if kind is tuple:
        return tuple(resolve(entry, results) for entry in argument)
    if kind is dict:
        return {name: resolve(entry, results) for name, entry in argument.items()}
    if kind is SliceOf:
        return slice(*(resolve(end, results) for end in argument.ends))
    return argument
