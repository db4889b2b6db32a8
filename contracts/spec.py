"""openapi.yaml as values: its operations, and whether what crossed the wire is what it says."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from contracts.documents import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jsonschema_rs import Draft202012Validator

_HERE: Final = Path(__file__).parent
_METHODS: Final = ("get", "put", "post", "delete", "head", "patch")
PARTIAL_CONTENT: Final = 206
_MOST_PROBLEMS: Final = 5
_LONGEST_PROBLEM: Final = 300  # characters


@dataclass(frozen=True)
class Parameter:
    """place: path, query or header."""

    name: str
    place: str
    required: bool
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What an operation may answer with one status. content: the schema by media type. headers: required or not."""

    status: int
    content: Mapping[str, Mapping[str, Any]]
    headers: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Operation:
    """One method of one path. body: the schema by media type; empty where there is no body."""

    id: str
    method: str
    path: str
    tag: str
    summary: str
    secured: bool
    parameters: tuple[Parameter, ...]
    body: Mapping[str, Mapping[str, Any]]
    answers: Mapping[int, Answer]
    requirements: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    deprecated: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def statuses(self) -> frozenset[int]:
        """Every status that it may answer."""
        return frozenset(self.answers)

    @property
    def query(self) -> dict[str, Parameter]:
        """The parameters of its query by name."""
        return {each.name: each for each in self.parameters if each.place == "query"}


class Spec:
    """An OpenAPI document, as far as this suite uses it. `document` is not changed."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self._validators: dict[str, Draft202012Validator] = {}

    @cached_property
    def operations(self) -> dict[str, Operation]:
        """All operations by id, in the file's order."""
        return {operation.id: operation for operation in self._read()}

    def operation_of(self, method: str, path: str) -> Operation | None:
        """The operation that a request of this method and (decoded) path means; None where there is none."""
        method = method.upper()
        exact = self._exact.get((method, path))
        if exact is not None:
            return exact
        given = path.split("/")
        for operation, segments in self._templates.get((method, len(given)), ()):
            if all(wanted is None or wanted == got for wanted, got in zip(segments, given, strict=True)) and all(
                given[1:]
            ):
                return operation
        return None

    def resolved(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """The value, or what its `$ref` points to."""
        while "$ref" in value:
            target: Any = self.document
            for part in value["$ref"].removeprefix("#/").split("/"):
                target = target[part.replace("~1", "/").replace("~0", "~")]
            value = target
        return value

    def problems(self, schema: Mapping[str, Any], value: Any) -> list[str]:
        """Where the value is not what the schema of this document says; empty where it is."""
        key = json.dumps(schema, sort_keys=True)
        validator = self._validators.get(key)
        if validator is None:
            import jsonschema_rs  # noqa: PLC0415 - only who judges needs it

            rooted = {**schema, "components": {"schemas": self.document["components"]["schemas"]}}
            validator = jsonschema_rs.Draft202012Validator(rooted, validate_formats=True, ignore_unknown_formats=True)
            self._validators[key] = validator
        found: list[str] = []
        for error in validator.iter_errors(value):
            where = ".".join(map(str, error.instance_path)) or "body"
            found.append(_cut(f"{where}: {error.message}"))
            if len(found) == _MOST_PROBLEMS:
                break
        return found

    @cached_property
    def _exact(self) -> dict[tuple[str, str], Operation]:
        return {(each.method, each.path): each for each in self.operations.values() if "{" not in each.path}

    @cached_property
    def _templates(self) -> dict[tuple[str, int], list[tuple[Operation, list[str | None]]]]:
        """By method and number of segments, those with more literal segments first; None is any segment."""
        found: dict[tuple[str, int], list[tuple[Operation, list[str | None]]]] = {}
        for operation in self.operations.values():
            if "{" in operation.path:
                segments = [None if segment[:1] == "{" else segment for segment in operation.path.split("/")]
                found.setdefault((operation.method, len(segments)), []).append((operation, segments))
        for templates in found.values():
            templates.sort(key=lambda template: template[1].count(None))
        return found

    def _read(self) -> Iterator[Operation]:
        for path, item in self.document["paths"].items():
            for method in _METHODS:
                if method in item:
                    yield self._operation(method, path, item)

    def _operation(self, method: str, path: str, item: Mapping[str, Any]) -> Operation:
        raw = item[method]
        parameters = (self.resolved(each) for each in (*item.get("parameters", ()), *raw.get("parameters", ())))
        body = self.resolved(raw.get("requestBody", {}))
        return Operation(
            id=raw["operationId"],
            method=method.upper(),
            path=path,
            tag=raw["tags"][0],
            summary=raw["summary"],
            secured=bool(raw.get("security", self.document.get("security"))),
            parameters=tuple(
                Parameter(each["name"], each["in"], bool(each.get("required")), each["schema"]) for each in parameters
            ),
            body={media: content["schema"] for media, content in body.get("content", {}).items()},
            answers={int(status): self._answer(int(status), each) for status, each in raw["responses"].items()},
            requirements=tuple(raw.get("x-requirements", ())),
            clients=tuple(raw.get("x-clients", ())),
            deprecated=bool(raw.get("deprecated")),
            raw=raw,
        )

    def _answer(self, status: int, given: Mapping[str, Any]) -> Answer:
        response = self.resolved(given)
        return Answer(
            status,
            {media: content["schema"] for media, content in response.get("content", {}).items()},
            {name.lower(): self.resolved(header) for name, header in response.get("headers", {}).items()},
        )


@cache
def spec() -> Spec:
    """The contract, read once per process."""
    return Spec(read_yaml(openapi_file()))


def openapi_file() -> Path:
    """Where it lies: beside this module in an installed package, at the root of a checkout."""
    installed = _HERE / "openapi.yaml"
    return installed if installed.exists() else _HERE.parent / "openapi.yaml"


def operations() -> dict[str, Operation]:
    """All operations of the contract by id."""
    return spec().operations


def operation_of(method: str, path: str) -> Operation | None:
    """The operation that a request means by its method and decoded path (`/api/v1/...`); None where there is none."""
    return spec().operation_of(method, path)


def validate_request(operation: Operation, media_type: str, value: Any) -> list[str]:
    """What is wrong with a request's body. value: the JSON; bytes for anything else, of which only the type counts."""
    if not operation.body:
        return []
    return _validated(operation.body, media_type, value)


def validate_response(operation: Operation, status: int, media_type: str, value: Any) -> list[str]:
    """What is wrong with an answer: its status, its media type, its body (as for `validate_request`)."""
    answer = operation.answers.get(status)
    if answer is None:
        known = ", ".join(map(str, sorted(operation.statuses)))
        return [f"status {status} is not one that {operation.id} may answer: {known}"]
    if not answer.content or operation.method == "HEAD":
        return []
    # A part of JSON is no JSON.
    return _validated(answer.content, media_type, value, whole=status != PARTIAL_CONTENT)


def validate_headers(operation: Operation, status: int, headers: Mapping[str, str]) -> list[str]:
    """What is wrong with an answer's headers, which are given by their lower-case names."""
    answer = operation.answers.get(status)
    found = []
    for name, header in answer.headers.items() if answer is not None else ():
        if name in headers:
            found += [
                f"header {name} {headers[name]!r}: {why}" for why in spec().problems(header["schema"], headers[name])
            ]
        elif header.get("required"):
            found.append(f"header {name} is missing")
    return found


def validate_query(operation: Operation, query: str) -> list[str]:
    """What is wrong with a request's query (without the `?`). Unknown parameters are ignored, as servers do."""
    given = dict(parse_qsl(query, keep_blank_values=True))
    found = []
    for name, parameter in operation.query.items():
        if name in given:
            value = _typed(given[name], spec().resolved(parameter.schema).get("type"))
            found += [f"query parameter {name}: {why}" for why in spec().problems(parameter.schema, value)]
        elif parameter.required:
            found.append(f"query parameter {name} is missing")
    return found


def _validated(
    content: Mapping[str, Mapping[str, Any]], media_type: str, value: Any, *, whole: bool = True
) -> list[str]:
    if media_type not in content:
        return [f"media type {media_type!r} is none of {', '.join(content)}"]
    return spec().problems(content[media_type], value) if whole and media_type == "application/json" else []


def _typed(text: str, kind: Any) -> Any:
    """The value that a parameter's text stands for; the text itself where it stands for none."""
    if kind == "integer" and text.removeprefix("-").isdecimal():
        return int(text)
    if kind == "boolean" and text in {"true", "false"}:
        return text == "true"
    return text


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_PROBLEM else f"{text[: _LONGEST_PROBLEM - 3]}..."
