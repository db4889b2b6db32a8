"""docs/control-plane.md: the control plane's own OpenAPI document, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from docs.table import table
from mock_server.api.admin import openapi

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_INTRODUCTION: Final = """\
Everything below `/__admin` is for whoever runs the server or tests with it, never for its clients. It answers to this
machine; a server with an `admin_token` answers wherever the header `X-Admin-Token` holds that, and to nobody else.
`tinker-mock admin` offers the same from the command line ([cli.md](cli.md)). Its OpenAPI document is at
`/__admin/openapi.json`.

Where it takes an `api_key` it takes a tenant's id as well, which `/__admin/tenants` lists. A refusal has the same body
as everywhere ([errors.md](errors.md)): 400 and 422 for what can't be right, 401 and 403 for whom it does not answer,
404 for what is not there.
"""


def control_plane_page(generated: str) -> str:
    """Every operation by its noun, with what it takes and what it answers."""
    document = openapi()
    shown: set[str] = set()
    by_tag: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            lines = by_tag.setdefault(operation["tags"][0], [])
            lines += _section(document, method.upper(), path, operation, shown)
    sections = [line for tag, lines in by_tag.items() for line in (f"## {tag.capitalize()}", "", *lines)]
    return "\n".join(("# The control plane", generated, _INTRODUCTION, *sections))


def _section(
    document: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any], shown: set[str]
) -> Iterator[str]:
    """shown: the objects that need no second description, and those of this section with them."""
    yield f"### `{method} {path}`"
    yield ""
    yield operation["description"].strip()
    yield ""
    parameters = operation.get("parameters", ())
    if parameters:
        rows = [_parameter(document, each) for each in parameters]
        yield from (*table(("Parameter", "In", "Type", "Meaning"), rows), "")
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body is not None:
        yield from _fields(document, "Takes", body, shown)
    for status, response in operation["responses"].items():
        if int(status) < 300:
            schema = response.get("content", {}).get("application/json", {}).get("schema", {})
            if "properties" in _resolved(document, schema):
                yield from _fields(document, f"Answers {status}", schema, shown)
            elif status != "200":
                yield f"Answers {status}."
                yield ""


def _parameter(document: Mapping[str, Any], parameter: Mapping[str, Any]) -> tuple[str, ...]:
    required = "" if parameter["in"] == "path" or not parameter.get("required") else ", required"
    kind = _kind(document, parameter["schema"])
    return f"`{parameter['name']}`", f"{parameter['in']}{required}", kind, parameter.get("description", "")


def _fields(document: Mapping[str, Any], what: str, schema: Mapping[str, Any], shown: set[str]) -> Iterator[str]:
    resolved = _resolved(document, schema)
    description = " ".join(resolved.get("description", "").split())
    yield f"{what}: {description}".rstrip(": ")
    yield ""
    required = resolved.get("required", ())
    rows = [
        (
            f"`{name}`",
            _kind(document, each) + (", required" if what == "Takes" and name in required else ""),
            each.get("description", ""),
        )
        for name, each in resolved["properties"].items()
    ]
    yield from (*table(("Field", "Type", "Meaning"), rows), "")
    for inner in _inner(document, resolved):
        if inner["title"] not in shown:
            shown.add(inner["title"])
            yield from _fields(document, f"`{inner['title']}`", inner, shown)


def _inner(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The objects that a schema's fields hold."""
    for each in schema["properties"].values():
        options = (each, each.get("items", {}), each.get("additionalProperties") or {}, *each.get("anyOf", ()))
        for option in options:
            if isinstance(option, dict) and "$ref" in option and "properties" in _resolved(document, option):
                yield _resolved(document, option)


def _kind(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """A type, as short as it can be said."""
    if "anyOf" in schema:
        kinds = [_kind(document, option) for option in schema["anyOf"]]
        return " or ".join(dict.fromkeys(kinds))
    if "$ref" in schema:
        resolved = _resolved(document, schema)
        return f"`{resolved['title']}`" if "properties" in resolved else _kind(document, resolved)
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        return f"list of {_kind(document, schema['items'])}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_kind(document, schema['additionalProperties'])}"
    if schema.get("format") == "date-time":
        return "time"
    return str(schema.get("type", "any value"))


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found
