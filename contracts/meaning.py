"""What a request's JSON says, by its schema: equal for two values that differ in what means the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from contracts.spec import Spec


def meaning(spec: Spec, schema: Mapping[str, Any], value: Any) -> Any:
    """The value without what says nothing: null, defaults, and fields that the schema does not know."""
    forms = list(_forms(spec, schema))
    known = {name: each for form in forms for name, each in form.get("properties", {}).items()}
    if isinstance(value, dict) and known:
        said = {name: meaning(spec, known[name], each) for name, each in value.items() if name in known}
        return {
            name: each
            for name, each in said.items()
            if each is not None and all(each != form.get("default") for form in _forms(spec, known[name]))
        }
    if isinstance(value, list) and len(value) == 1 and {"string", "array"} <= {form.get("type") for form in forms}:
        value = value[0]  # one text says the same alone and in a list
    if isinstance(value, list):
        items: Mapping[str, Any] = next((form["items"] for form in forms if "items" in form), {})
        # Of thousands of tokens none has anything to leave out.
        has_parts = any({"properties", "items"} & form.keys() for form in _forms(spec, items))
        return [meaning(spec, items, each) for each in value] if has_parts else value
    return value


def digest(value: Any) -> int:
    """Equal for equal values of JSON. Holds within one process only."""
    return hash(json.dumps(_numbered(value), sort_keys=True))


def _numbered(value: Any) -> Any:
    """The value with whole numbers in one form: 1.0 is 1."""
    if isinstance(value, dict):
        return {name: _numbered(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_numbered(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _forms(spec: Spec, schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schema and those that it may be instead, or is as well."""
    schema = spec.resolved(schema)
    yield schema
    for keyword in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(keyword, ()):
            yield from _forms(spec, each)
