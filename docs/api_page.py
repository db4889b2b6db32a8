"""docs/api.md: openapi.yaml for people, readable without any server or network."""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING, Any

from contracts.spec import spec
from docs.table import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from contracts.spec import Operation


def api_page(generated: str) -> str:
    """Every operation by its noun: what it is for, what it takes, what it answers, with an example of each."""
    document: Any = spec().document
    lines = [
        "# The API",
        generated,
        document["info"]["description"].rstrip(),
        "",
        "The whole of it is `openapi.yaml`, served as `/openapi.json`; bodies of protobuf are messages of",
        "`contracts/proto/tinker_public.proto`. Every operation but those that say so needs the header `X-API-Key`.",
        "",
    ]
    nouns = {tag["name"]: tag["description"] for tag in document["tags"]}
    for noun, operations in groupby(spec().operations.values(), lambda operation: operation.tag):
        lines += [f"## {noun.capitalize()}", "", f"{nouns[noun]}.", ""]
        for operation in operations:
            lines += _section(operation)
    return "\n".join(lines)


def _section(operation: Operation) -> Iterator[str]:
    yield f"### `{operation}`"
    yield ""
    yield f"{operation.summary}. {operation.raw.get('description', '')}".rstrip()
    yield ""
    notes = [f"Asked by {', '.join(operation.clients)}."] if operation.clients else []
    notes += ["Needs no key."] if not operation.secured else []
    notes += ["Deprecated."] if operation.deprecated else []
    if notes:
        yield " ".join(notes)
        yield ""
    if operation.parameters:
        declared = [
            *spec().document["paths"][operation.path].get("parameters", ()),
            *operation.raw.get("parameters", ()),
        ]
        rows = [
            (f"`{each['name']}`", each["in"], "yes" if each.get("required") else "", each["description"])
            for each in map(spec().resolved, declared)
        ]
        yield from (*table(("Parameter", "In", "Required", "Meaning"), rows), "")
    body = spec().resolved(operation.raw.get("requestBody", {}))
    yield from _example("Takes", body)
    responses = operation.raw["responses"].items()
    answers = [(status, spec().resolved(response)["description"]) for status, response in responses]
    yield from (*table(("Status", "Answer"), answers), "")
    success = next(response for status, response in responses if int(status) < 400)
    yield from _example("Answers", spec().resolved(success))


def _example(what: str, message: Mapping[str, Any]) -> Iterator[str]:
    """The first example of JSON; the media types where there is none."""
    content = message.get("content", {})
    examples = content.get("application/json", {}).get("examples", {})
    if examples:
        value = spec().resolved(next(iter(examples.values())))["value"]
        also = ", ".join(f"`{media_type}`" for media_type in content if media_type != "application/json")
        yield f"{what}{f' (or {also})' if also else ''}:"
        yield ""
        yield "```json"
        yield json.dumps(value, indent=2, ensure_ascii=False)
        yield "```"
        yield ""
    elif content:
        yield f"{what} {', '.join(f'`{media_type}`' for media_type in content)}."
        yield ""
