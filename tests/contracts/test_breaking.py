"""What breaks a client is named, what does not is allowed, and nothing of the released contract is broken."""

from __future__ import annotations

import copy
from typing import Any, Final

import pytest

from contracts.breaking import breaking_changes
from contracts.documents import read_yaml
from contracts.spec import openapi_file, spec

GREET: Final = ("paths", "/greet", "post")
ANSWER: Final = (*GREET, "responses", "200", "content", "application/json", "schema")
REQUEST: Final = (*GREET, "requestBody", "content", "application/json", "schema")
GONE: Final = object()

SMALL: Final[dict[str, Any]] = {
    "openapi": "3.1.0",
    "info": {"title": "Greetings", "version": "1.0.0"},
    "paths": {
        "/greet": {
            "post": {
                "operationId": "greet",
                "tags": ["greetings"],
                "summary": "Greet",
                "parameters": [
                    {"name": "loud", "in": "query", "schema": {"type": "boolean"}},
                    {"name": "times", "in": "query", "required": True, "schema": {"type": "integer", "maximum": 9}},
                ],
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["name"],
                                "properties": {
                                    "name": {"type": "string"},
                                    "age": {"type": ["integer", "null"], "minimum": 0},
                                    "tongue": {"type": "string", "enum": ["en", "de"]},
                                    "gifts": {"type": "array", "items": {"type": ["string", "number"]}, "maxItems": 3},
                                    "notes": {"type": "object", "additionalProperties": {"type": ["string", "null"]}},
                                    "way": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                                    "tag": {"$ref": "#/components/schemas/Tag"},
                                },
                            }
                        },
                        "text/plain": {"schema": {"type": "string"}},
                    }
                },
                "responses": {
                    "200": {
                        "description": "Greeted",
                        "headers": {"ETag": {"required": True, "schema": {"type": "string"}}, "Age": {"schema": {}}},
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["text"],
                                    "properties": {
                                        "text": {"type": "string"},
                                        "mood": {"type": "string", "enum": ["glad", "sad"]},
                                        "more": {"type": "array", "items": {"type": "string", "pattern": "^a"}},
                                        "kind": {"const": "greeting"},
                                        "count": {"type": "number", "minimum": 0},
                                        "how": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                                    },
                                }
                            },
                            "text/html": {"schema": {"type": "string"}},
                        },
                    },
                    "404": {"description": "Nobody"},
                },
            }
        },
        "/part": {
            "get": {"operationId": "part", "tags": ["greetings"], "summary": "Part", "security": [], "responses": {}}
        },
    },
    "security": [{"key": []}],
    "components": {"schemas": {"Tag": {"type": "string", "maxLength": 8}}},
}


def changed(*changes: tuple[tuple[str, ...], Any]) -> dict[str, Any]:
    document: dict[str, Any] = copy.deepcopy(SMALL)
    for path, value in changes:
        target: Any = document
        for part in path[:-1]:
            target = target[int(part) if isinstance(target, list) else part]
        if value is GONE:
            del target[path[-1]]
        else:
            target[path[-1]] = value
    return document


def properties(where: tuple[str, ...], *path: str) -> tuple[str, ...]:
    return (*where, "properties", *path)


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        # Operations.
        (("paths", "/part"), GONE, "GET /part: the operation was removed"),
        (("paths", "/greet", "post", "operationId"), "hail", "POST /greet: the operationId greet became hail"),
        (("paths", "/part", "get", "security"), [{"key": []}], "GET /part: a key is needed now"),
        (("paths", "/part", "get", "requestBody"), SMALL["paths"]["/greet"]["post"]["requestBody"],
         "GET /part: a body is needed now"),
        # Parameters.
        ((*GREET, "parameters"), SMALL["paths"]["/greet"]["post"]["parameters"][1:],
         "POST /greet: the query parameter loud was removed"),
        ((*GREET, "parameters", "0", "required"), True, "POST /greet: the query parameter loud is required now"),
        ((*GREET, "parameters"), [
            *SMALL["paths"]["/greet"]["post"]["parameters"],
            {"name": "soft", "in": "query", "required": True, "schema": {}},
        ], "POST /greet: the query parameter soft is new and required"),
        ((*GREET, "parameters", "1", "schema", "maximum"), 8,
         "POST /greet query parameter times: maximum 8 and 9: more is not taken any more"),
        # Requests.
        ((*GREET, "requestBody", "content", "text/plain"), GONE,
         "POST /greet: a body of text/plain is not taken any more"),
        ((*REQUEST, "required"), ["name", "age"], "POST /greet request: the field age is required now"),
        (properties(REQUEST, "age"), GONE, "POST /greet request: the field age was removed"),
        (properties(REQUEST, "age", "type"), "integer", "POST /greet request age: null is not taken any more"),
        (properties(REQUEST, "age", "minimum"), 1,
         "POST /greet request age: minimum 1 and 0: less is not taken any more"),
        (properties(REQUEST, "age", "maximum"), 150,
         "POST /greet request age: maximum 150 and no bound: more is not taken any more"),
        (properties(REQUEST, "tongue", "enum"), ["en"],
         'POST /greet request tongue: the value "de" is not taken any more'),
        (properties(REQUEST, "name", "const"), "a",
         "POST /greet request name: the value of any other kind is not taken any more"),
        (properties(REQUEST, "name", "pattern"), "^a",
         "POST /greet request name: another pattern is not taken any more"),
        (properties(REQUEST, "gifts", "items", "type"), ["string", "integer"],
         "POST /greet request gifts []: number is not taken any more"),
        (properties(REQUEST, "gifts", "maxItems"), 2,
         "POST /greet request gifts: maxItems 2 and 3: more is not taken any more"),
        (properties(REQUEST, "notes", "additionalProperties", "type"), "string",
         "POST /greet request notes {}: null is not taken any more"),
        (properties(REQUEST, "way", "anyOf"), [{"type": "string"}], "POST /greet request way: 2 forms became 1"),
        (properties(REQUEST, "name", "anyOf"), [{}], "POST /greet request name: anyOf narrows it now"),
        ((*REQUEST, "not"), {"required": ["age"]}, "POST /greet request: what is excluded has changed"),
        (("components", "schemas", "Tag", "maxLength"), 7,
         "POST /greet request tag: maxLength 7 and 8: more is not taken any more"),
        # Answers.
        ((*GREET, "responses", "404"), GONE, "POST /greet: status 404 was removed"),
        ((*GREET, "responses", "202"), {"description": "Later"}, "POST /greet: status 202 is a new success"),
        ((*GREET, "responses", "200", "content", "text/html"), GONE,
         "POST /greet 200: text/html is not answered any more"),
        ((*GREET, "responses", "200", "headers", "Age"), GONE, "POST /greet 200: the header age was removed"),
        ((*GREET, "responses", "200", "headers", "ETag", "required"), False,
         "POST /greet 200: the header etag may be missing now"),
        ((*ANSWER, "required"), [], "POST /greet 200: the field text may be missing now"),
        (properties(ANSWER, "mood"), GONE, "POST /greet 200: the field mood was removed"),
        (properties(ANSWER, "mood", "enum"), ["glad", "sad", "mad"],
         'POST /greet 200 mood: the value "mad" may come now'),
        (properties(ANSWER, "kind"), {}, "POST /greet 200 kind: the value of any other kind may come now"),
        (properties(ANSWER, "text", "type"), ["string", "null"], "POST /greet 200 text: null may come now"),
        (properties(ANSWER, "more", "items", "pattern"), "^b", "POST /greet 200 more []: another pattern may come now"),
        (properties(ANSWER, "count", "minimum"), -1,
         "POST /greet 200 count: minimum 0 and -1: less may come now"),
        (properties(ANSWER, "how", "anyOf"), [{"type": "string"}, {"type": "null"}, {"type": "array"}],
         "POST /greet 200 how: 2 forms became 3"),
        (properties(ANSWER, "how"), {}, "POST /greet 200 how: anyOf does not narrow it any more"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_breaks_a_client_is_named(path: tuple[str, ...], value: Any, named: str) -> None:
    assert breaking_changes(SMALL, changed((path, value))) == [named]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("paths", "/new"), {"get": {**SMALL["paths"]["/part"]["get"], "operationId": "new"}}),
        (("paths", "/greet", "post", "security"), []),
        ((*GREET, "parameters", "1", "required"), False),
        ((*GREET, "parameters", "1", "schema", "maximum"), 10),
        ((*REQUEST, "required"), []),
        (properties(REQUEST, "new"), {"type": "string"}),
        (properties(REQUEST, "age", "minimum"), -1),
        (properties(REQUEST, "name", "type"), ["string", "null"]),
        (properties(REQUEST, "name"), {}),
        (properties(REQUEST, "tongue", "enum"), ["en", "de", "fr"]),
        (properties(REQUEST, "way", "anyOf"), [{"type": "string"}, {"type": "integer"}, {"type": "null"}]),
        (properties(REQUEST, "way"), {}),
        ((*GREET, "responses", "429"), {"description": "Later"}),
        ((*ANSWER, "required"), ["text", "mood"]),
        (properties(ANSWER, "new"), {"type": "string"}),
        (properties(ANSWER, "mood", "enum"), ["glad"]),
        (properties(ANSWER, "count", "type"), "integer"),
        (properties(ANSWER, "count", "minimum"), 1),
        (properties(ANSWER, "text", "description"), "Told to people"),
    ],
    ids=str,
)
def test_what_breaks_nobody_is_allowed(path: tuple[str, ...], value: Any) -> None:
    assert breaking_changes(SMALL, changed((path, value))) == []


def test_a_contract_does_not_break_itself() -> None:
    assert breaking_changes(spec().document, spec().document) == []


def test_nothing_of_the_released_contract_is_broken_within_a_major_version() -> None:
    released = read_yaml(openapi_file().parent / "contracts" / "baseline" / "openapi.yaml")
    versions = [document["info"]["version"].partition(".")[0] for document in (released, spec().document)]
    if versions[0] == versions[1]:
        assert breaking_changes(released, spec().document) == []
