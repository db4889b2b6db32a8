"""openapi.yaml is valid, well written, and served."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import pytest
from openapi_spec_validator import validate

from contracts.documents import read_yaml
from contracts.meaning import meaning
from contracts.recorded.recording import RECORDINGS, captures
from contracts.spec import (
    Spec,
    openapi_file,
    operation_of,
    operations,
    spec,
    validate_headers,
    validate_query,
    validate_request,
    validate_response,
)
from tests.contracts import style

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from contracts.recorded.recording import Line

Document = dict[str, Any]


def _change(*path: str, to: object) -> Callable[[Document], None]:
    def apply(document: Document) -> None:
        target: Any = document
        for part in path[:-1]:
            target = target[part]
        if to is None:
            del target[path[-1]]
        else:
            target[path[-1]] = to

    return apply


_CREATE: Final = ("paths", "/api/v1/create_session", "post")
_SCHEMAS: Final = ("components", "schemas")
_REFERENCE: Final = {"$ref": "#/components/schemas/Id"}

# What breaks each rule, and nothing but it.
BREAKS: Final[dict[str, Callable[[Document], None]]] = {
    "operation_ids_are_snake_case": _change(*_CREATE, "operationId", to="createSession"),
    "summaries_are_titles": _change(*_CREATE, "summary", to="Open a session."),
    "operations_stand_with_their_noun": _change(*_CREATE, "tags", to=["models"]),
    "properties_are_described": _change(*_SCHEMAS, "Cursor", "properties", "offset", to={"type": "integer"}),
    "errors_have_the_one_schema_and_an_example": _change(*_CREATE, "responses", "400", to={"description": "no"}),
    "json_has_examples": _change(*_CREATE, "responses", "200", "content", "application/json", "examples", to=None),
    "answers_say_what_they_hold": _change(*_CREATE, "responses", "200", "content", to=None),
    "keys_and_their_refusal_go_together": _change(*_CREATE, "responses", "401", to=None),
    "bodies_can_be_refused": _change(*_CREATE, "responses", "413", to=None),
    "parameters_of_queries_can_be_refused": _change("paths", "/api/v1/sessions", "get", "responses", "422", to=None),
    "parameters_of_paths_are_declared": _change("paths", "/api/v1/sessions/{session_id}", "parameters", to=[]),
    "clients_are_named": _change(*_CREATE, "x-clients", to=["everybody"]),
    "requirements_exist": _change(*_CREATE, "x-requirements", to=["no-such-requirement"]),
    "protobuf_bodies_name_their_message": _change(
        "paths", "/api/v1/forward", "post", "requestBody", "content", "application/x-protobuf", "x-protobuf", to="a#B"
    ),
    "null_is_absent": _change(*_SCHEMAS, "CreateSession", "properties", "tags", to=_REFERENCE),
    "objects_are_open": _change(*_SCHEMAS, "Cursor", "additionalProperties", to=False),
    "components_are_used": _change(*_SCHEMAS, "Spare", to={"type": "string"}),
    "links_lead_somewhere": _change(*_CREATE, "responses", "200", "links", "heartbeat", "operationId", to="nothing"),
    "examples_are_valid": _change(
        *_CREATE, "requestBody", "content", "application/json", "examples", "sdk", to={"value": {"tags": "a"}}
    ),
}


def test_it_is_openapi() -> None:
    document: Any = spec().document
    assert document["openapi"] == "3.1.0"
    validate(document)


@pytest.mark.parametrize("rule", style.RULES, ids=lambda rule: rule.__name__)
def test_it_keeps_to_the_style(rule: Callable[[Spec], Iterator[str]]) -> None:
    assert list(rule(spec())) == []


@pytest.mark.parametrize("rule", style.RULES, ids=lambda rule: rule.__name__)
def test_a_rule_finds_what_breaks_it(rule: Callable[[Spec], Iterator[str]]) -> None:
    document = copy.deepcopy(dict(spec().document))
    BREAKS[rule.__name__](document)
    assert list(rule(Spec(document))) != []


def test_a_checkout_reads_the_file_at_its_root(request: pytest.FixtureRequest) -> None:
    assert openapi_file() == request.config.rootpath / "openapi.yaml"


def test_a_file_is_read_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("openapi: 3.1.0\nday: '2026-07-13'\n")
    assert read_yaml(tmp_path / "a.yaml") == {"openapi": "3.1.0", "day": "2026-07-13"}


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("post", "/api/v1/create_session", "create_session"),
        ("GET", "/api/v1/sessions/s", "get_session"),
        ("POST", "/api/v1/sessions/search", "search_sessions"),
        ("GET", "/api/v1/downloads/traces/s", "download_trace"),
        ("HEAD", "/api/v1/downloads/r:train:0/weights/n/archive.tar", "download_head"),
        ("DELETE", "/api/v1/training_runs/r:train:0/checkpoints/weights/n/publish", "unpublish_checkpoint"),
        ("GET", "/api/v1/create_session", None),
        ("GET", "/api/v1/sessions/", None),
        ("GET", "/api/v1/nothing", None),
        ("GET", "/", None),
    ],
)
def test_a_request_is_known_by_method_and_path(method: str, path: str, operation: str | None) -> None:
    found = operation_of(method, path)
    assert (None if found is None else found.id) == operation


def test_a_request_is_held_against_its_schema() -> None:
    heartbeat = operations()["session_heartbeat"]
    assert validate_request(heartbeat, "application/json", {"session_id": "s", "newer": 1}) == []
    assert validate_request(heartbeat, "application/json", {}) == ['body: "session_id" is a required property']
    assert validate_request(heartbeat, "text/plain", b"") == ["media type 'text/plain' is none of application/json"]
    assert validate_request(operations()["healthz"], "", b"") == []
    assert validate_request(operations()["forward"], "application/x-protobuf", b"\x0a") == []


def test_an_answer_is_held_against_its_status_type_schema_and_headers() -> None:
    session = operations()["create_session"]
    assert validate_response(session, 200, "application/json", {"session_id": "s"}) == []
    assert validate_response(session, 200, "application/json", {"session_id": 1}) != []
    assert "status 418 is not one that create_session may answer" in validate_response(session, 418, "", b"")[0]
    archive = operations()["get_archive_url"]
    assert validate_headers(archive, 302, {"location": "http://host/a", "expires": "Mon"}) == []
    assert validate_headers(archive, 302, {"expires": "Mon"}) == ["header location is missing"]
    assert "header location 'a b'" in validate_headers(archive, 302, {"location": "a b", "expires": "Mon"})[0]


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("", None),
        ("limit=5&offset=0&access_scope=owned&newer=x", None),
        ("limit=1001", "query parameter limit"),
        ("limit=a", "query parameter limit"),
        ("access_scope=all", "query parameter access_scope"),
    ],
)
def test_a_query_is_held_against_its_parameters(query: str, problem: str | None) -> None:
    found = validate_query(operations()["list_sessions"], query)
    assert found == [] if problem is None else problem in found[0]


def test_a_required_parameter_is_missed() -> None:
    found = validate_query(operations()["get_billing_usage"], "starting_on=2026-07-13T00:00:00Z")
    assert found == ["query parameter ending_before is missing"]
    assert validate_query(operations()["get_archive_url"], "redirect=false") == []


# What real clients sent.


def sent() -> list[tuple[str, Line]]:
    """Every recorded request but those to addresses that the recording server signed, which are its own."""
    lines = [line for recording in RECORDINGS for capture in captures(recording) for line in capture.lines]
    return [(line.client, line) for line in lines if not line.path.startswith("/dl/")]


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def is_named(client: str, named: tuple[str, ...]) -> bool:
    """Whether `tinker 0.38.0` is among `tinker >=0.28`, `tinkex 0.4.0`."""
    product, number = client.split(" ")
    ranges = [each.split(" ")[1] for each in named if each.startswith(f"{product} ")]
    return any(
        version(number) >= version(each[2:])
        if each.startswith(">=")
        else version(number) < version(each[1:])
        if each.startswith("<")
        else number == each
        for each in ranges
    )


def test_whatever_real_clients_sent_is_declared() -> None:
    assert len(sent()) > 500
    for _, line in sent():
        operation = operation_of(line.method, unquote(line.path))
        assert operation is not None, line
        assert validate_query(operation, line.query) == []
        if line.body.json is not None:
            assert validate_request(operation, "application/json", line.body.json) == []


def test_who_uses_an_operation_is_named() -> None:
    for client, line in sent():
        operation = operation_of(line.method, unquote(line.path))
        assert operation is not None, line
        assert is_named(client, operation.clients), (client, operation.id)


def test_one_text_says_the_same_alone_and_in_a_list() -> None:
    schema = operations()["asample"].body["application/json"]
    alone, listed, other = ({"sampling_params": {"stop": stop}} for stop in ("a", ["a"], ["a", "b"]))
    assert meaning(spec(), schema, alone) == meaning(spec(), schema, listed)
    assert meaning(spec(), schema, alone) != meaning(spec(), schema, other)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"seq_id": 1}, {"seq_id": 1, "adam_params": None, "type": "optim_step"}, True),
        ({"adam_params": {"learning_rate": 0.1}}, {"adam_params": {"learning_rate": 0.1, "beta1": 0.9}}, True),
        ({"adam_params": {"learning_rate": 0.1}}, {"adam_params": {"learning_rate": 0.1, "beta1": 0.8}}, False),
        ({"seq_id": 1}, {"seq_id": 2}, False),
    ],
)
def test_what_says_nothing_makes_no_other_request(one: Document, other: Document, *, same: bool) -> None:
    schema = operations()["optim_step"].body["application/json"]
    assert (meaning(spec(), schema, one) == meaning(spec(), schema, other)) is same
