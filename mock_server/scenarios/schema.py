"""The JSON schema of scenario files: contracts/scenarios/schema.json, by which editors complete and check them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mock_server.domain.client_flags import CONFIG_FLAGS, DYNAMIC_CONFIG_FLAGS
from mock_server.faults.registry import EFFECTS
from mock_server.scenarios.names import names
from mock_server.scenarios.scenario import Scenario
from mock_server.seeding import catalogue

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mock_server.domain.client_flags import ClientFlag

_TYPES: Final = {bool: "boolean", int: "integer", str: "string"}


def schema() -> dict[str, Any]:
    """JSON Schema 2020-12, with the names that there are: effects, operations, checks, requirements, flags."""
    plain: dict[str, Any] = _plain(Scenario.model_json_schema())
    definitions, known = plain["$defs"], names()
    definitions["operation"] = _one_of(known.operations)
    definitions["check"] = _one_of(known.checks)
    definitions["requirement"] = _one_of(known.requirements)
    definitions["effect"] = _effect(definitions)
    operation = {"$ref": "#/$defs/operation"}
    rule, wire = definitions["FaultRule"]["properties"], definitions["OnTheWire"]["properties"]
    rule["effect"] = {"$ref": "#/$defs/effect"}
    rule["operation"] = {"anyOf": [operation, {"type": "array", "items": operation}]}
    wire["operation"], wire["check"] = rule["operation"], {"$ref": "#/$defs/check"}
    seeds = definitions["Given"]["properties"]["seed_data"]
    seeds["anyOf"] = [_one_of(catalogue()), {"type": "object"}]
    fields = plain["properties"]
    fields["requirements"]["items"] = {"$ref": "#/$defs/requirement"}
    fields["client_config"] |= _flags(CONFIG_FLAGS)
    fields["dynamic_config"] |= _flags(DYNAMIC_CONFIG_FLAGS)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **plain}


def _plain(value: Any) -> Any:
    """What pydantic makes of optional fields and of their names says nothing that a person needs."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {name: _plain(each) for name, each in value.items() if not (name == "title" and isinstance(each, str))}
    options = [each for each in found.get("anyOf", ()) if each != {"type": "null"}]
    if len(options) == 1:
        del found["anyOf"]
        found = {**options[0], **found}
    elif options:
        found["anyOf"] = options
    if found.get("default", "") is None:
        del found["default"]
    return found


def _one_of(known: Collection[str]) -> dict[str, Any]:
    return {"enum": sorted(known)}


def _effect(definitions: dict[str, Any]) -> dict[str, Any]:
    """A name, or a name with its parameters."""
    with_parameters = {}
    for name, effect in sorted(EFFECTS.items()):
        own = _plain(effect.model_json_schema(ref_template="#/$defs/{model}"))
        definitions |= own.pop("$defs", {})
        phases = ", ".join(sorted(effect.phases))
        own["description"] = f"{' '.join((effect.__doc__ or '').split())} Phases: {phases}."
        with_parameters[name] = {"anyOf": [own, {"const": True}]}
    named = {
        "type": "object",
        "properties": with_parameters,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    return {"anyOf": [_one_of(EFFECTS), named]}


def _flags(flags: Mapping[str, ClientFlag]) -> dict[str, Any]:
    properties = {
        name: {"type": _TYPES[type(flag.default)], "description": flag.effect} for name, flag in flags.items()
    }
    return {"properties": properties, "additionalProperties": False}
