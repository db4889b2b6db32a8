"""What a new contract takes from clients that were written for the old one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Literal

from contracts.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from contracts.spec import Answer, Operation

Direction = Literal["request", "answer"]

_ANY_TYPE: Final = ("array", "boolean", "integer", "null", "number", "object", "string")
_UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")


def breaking_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Each change from one OpenAPI document to another that breaks a client or its expectations, in one line.

    A request may be asked no more than before and an answer may hold no less: fields, types, values, bounds, statuses,
    media types, headers. What schemas say beyond that (`not`, `anyOf` of forms) is compared as text.
    """
    return list(_Comparison(Spec(old), Spec(new)).changes())


class _Comparison:
    def __init__(self, old: Spec, new: Spec) -> None:
        self._old = old
        self._new = new

    def changes(self) -> Iterator[str]:
        kept = {(each.method, each.path): each for each in self._new.operations.values()}
        for before in self._old.operations.values():
            after = kept.get((before.method, before.path))
            if after is None:
                yield f"{before}: the operation was removed"
            else:
                yield from self._operation(before, after)

    def _operation(self, before: Operation, after: Operation) -> Iterator[str]:
        if before.id != after.id:
            yield f"{before}: the operationId {before.id} became {after.id}"
        if after.secured and not before.secured:
            yield f"{before}: a key is needed now"
        yield from self._parameters(before, after)
        if after.body and not before.body:
            yield f"{before}: a body is needed now"
        for media_type, schema in before.body.items() if after.body else ():
            if media_type not in after.body:
                yield f"{before}: a body of {media_type} is not taken any more"
            else:
                yield from self._schema(f"{before} request", schema, after.body[media_type], "request")
        for status, answer in before.answers.items():
            if status not in after.answers:
                yield f"{before}: status {status} was removed"
            else:
                yield from self._answer(f"{before} {status}", answer, after.answers[status])
        # A client of before does not know what to do with a success that it has never seen; refusals it knows by class.
        for status in after.answers.keys() - before.answers.keys():
            if status < 400:
                yield f"{before}: status {status} is a new success"

    def _parameters(self, before: Operation, after: Operation) -> Iterator[str]:
        given = {(each.place, each.name): each for each in before.parameters}
        taken = {(each.place, each.name): each for each in after.parameters}
        for place, name in given.keys() - taken.keys():
            yield f"{before}: the {place} parameter {name} was removed"
        for (place, name), parameter in taken.items():
            known = given.get((place, name))
            if known is None:
                if parameter.required:
                    yield f"{before}: the {place} parameter {name} is new and required"
                continue
            if parameter.required and not known.required:
                yield f"{before}: the {place} parameter {name} is required now"
            yield from self._schema(f"{before} {place} parameter {name}", known.schema, parameter.schema, "request")

    def _answer(self, where: str, before: Answer, after: Answer) -> Iterator[str]:
        for media_type, schema in before.content.items():
            if media_type not in after.content:
                yield f"{where}: {media_type} is not answered any more"
            else:
                yield from self._schema(where, schema, after.content[media_type], "answer")
        for name, header in before.headers.items():
            if name not in after.headers:
                yield f"{where}: the header {name} was removed"
            elif header.get("required") and not after.headers[name].get("required"):
                yield f"{where}: the header {name} may be missing now"

    def _schema(self, where: str, before: Any, after: Any, direction: Direction) -> Iterator[str]:
        """What the new schema asks beyond the old of a request, or promises less than the old in an answer."""
        if before is False or after is False:
            return  # a field that must not be there, such as `error` in a result
        before, after = self._old.resolved(before), self._new.resolved(after)
        # A request that was right must stay so; an answer that comes must have been possible before.
        narrow, wide = (after, before) if direction == "request" else (before, after)
        yield from _values(where, narrow, wide, direction)
        yield from self._fields(where, before, after, direction)
        if "items" in before and "items" in after:
            yield from self._schema(f"{where} []", before["items"], after["items"], direction)
        known, meant = before.get("additionalProperties"), after.get("additionalProperties")
        if isinstance(known, dict) and isinstance(meant, dict):
            yield from self._schema(f"{where} {{}}", known, meant, direction)
        yield from self._alternatives(where, before, after, direction)

    def _fields(
        self, where: str, before: Mapping[str, Any], after: Mapping[str, Any], direction: Direction
    ) -> Iterator[str]:
        known, meant = before.get("properties", {}), after.get("properties", {})
        needed, promised = set(after.get("required", ())), set(before.get("required", ()))
        if direction == "request":
            yield from (f"{where}: the field {name} is required now" for name in sorted(needed - promised))
        else:
            yield from (f"{where}: the field {name} may be missing now" for name in sorted(promised - needed))
        for name, schema in known.items():
            if name not in meant:
                yield f"{where}: the field {name} was removed"
            else:
                yield from self._schema(f"{where} {name}", schema, meant[name], direction)

    def _alternatives(
        self, where: str, before: Mapping[str, Any], after: Mapping[str, Any], direction: Direction
    ) -> Iterator[str]:
        """Forms stand in an order that is kept: the one at the same place is the one that was meant."""
        for key in ("anyOf", "oneOf"):
            known, meant = before.get(key, []), after.get(key, [])
            if not known and not meant:
                continue
            if not known or not meant:
                if bool(meant) == (direction == "request"):
                    yield f"{where}: {key} {'narrows it now' if meant else 'does not narrow it any more'}"
                continue
            fewer = len(meant) < len(known)
            if len(meant) != len(known) and fewer == (direction == "request"):
                yield f"{where}: {len(known)} forms became {len(meant)}"
            for one, other in zip(known, meant, strict=False):
                yield from self._schema(where, one, other, direction)
        if _text(before.get("not")) != _text(after.get("not")) and (direction == "request") == ("not" in after):
            yield f"{where}: what is excluded has changed"


def _values(where: str, narrow: Mapping[str, Any], wide: Mapping[str, Any], direction: Direction) -> Iterator[str]:
    """What `wide` allows and `narrow` does not."""
    lost = "is not taken any more" if direction == "request" else "may come now"
    for kind in sorted(_types(wide) - _types(narrow)):
        yield f"{where}: {kind} {lost}"
    allowed, possible = _enum(narrow), _enum(wide)
    if allowed is not None:
        lost_values = ["of any other kind"] if possible is None else [each for each in possible if each not in allowed]
        yield from (f"{where}: the value {value} {lost}" for value in lost_values)
    for bound in _UPPER:
        if bound in narrow and (bound not in wide or wide[bound] > narrow[bound]):
            yield f"{where}: {bound} {narrow[bound]} and {wide.get(bound, 'no bound')}: more {lost}"
    for bound in _LOWER:
        if bound in narrow and (bound not in wide or wide[bound] < narrow[bound]):
            yield f"{where}: {bound} {narrow[bound]} and {wide.get(bound, 'no bound')}: less {lost}"
    for rule in ("pattern", "format"):
        if rule in narrow and narrow[rule] != wide.get(rule):
            yield f"{where}: another {rule} {lost}"


def _types(schema: Mapping[str, Any]) -> set[str]:
    """The types that values may have; a whole number is a number."""
    given = schema.get("type", _ANY_TYPE)
    types = {given} if isinstance(given, str) else set(given)
    return types | {"integer"} if "number" in types else types


def _enum(schema: Mapping[str, Any]) -> list[str] | None:
    """The values that are possible as JSON; None where any is."""
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    return None if values is None else [_text(value) for value in values]


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
