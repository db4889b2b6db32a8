"""The server and openapi.yaml say the same: routes, parameters, fields, bounds, statuses, answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel

from contracts.spec import (
    Operation,
    operations,
    spec,
    validate_headers,
    validate_query,
    validate_request,
    validate_response,
)
from mock_server.api.tinker import tinker_routes
from tests.api.belongings import BASE_MODEL, Belongings, Tenant, acquire
from tests.api.endpoints import ENDPOINTS, Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.api.conftest import ServedApp

PREFIX: Final = "/api/v1/"

ROUTES: Final = {
    (method, route.path): route
    for route in tinker_routes()
    if isinstance(route, APIRoute)
    for method in route.methods or ()
}
BY_ADDRESS: Final = {(each.method, each.path): each for each in operations().values()}
MODELS: Final = {
    address: model
    for address, route in ROUTES.items()
    if route.dependant.body_params
    and isinstance(model := route.dependant.body_params[0].field_info.annotation, type)
    and issubclass(model, BaseModel)
}

ONLY_IN_THE_FILE: Final = {
    "last_created_at": "half of a cursor; the other half says where the page ended",
}
SHARED: Final[dict[str, set[str]]] = {
    # One model reads the three saves, each of which says what it is for.
    "save_weights": {"sampling_session_seq_id", "kind", "age_encryption_recipients"},
    "save_weights_for_sampler": {"age_encryption_recipients"},
    "save_weights_external": {"sampling_session_seq_id", "kind"},
}
"""Fields that the server's model has for others."""


def test_every_route_is_an_operation_and_every_operation_a_route() -> None:
    assert ROUTES.keys() == BY_ADDRESS.keys()


@pytest.mark.parametrize("address", BY_ADDRESS, ids=lambda address: f"{address[0]} {address[1]}")
def test_noun_name_and_parameters_are_the_same(address: tuple[str, str]) -> None:
    operation, route = BY_ADDRESS[address], ROUTES[address]
    assert [operation.tag] == route.tags
    # A second path or method of an endpoint needs a name of its own here.
    assert operation.id == route.name or operation.id in {"list_model_checkpoints", "download_head"}
    assert {name for name, each in operation.query.items() if operation.secured or each.place != "query"} == {
        field.alias for field in route.dependant.query_params
    }
    for field in route.dependant.query_params:
        declared = operation.query[field.alias]
        assert declared.required == field.field_info.is_required()
        if not field.field_info.is_required() and field.get_default() is not None:
            assert spec().resolved(declared.schema)["default"] == field.get_default()


@pytest.mark.parametrize("address", BY_ADDRESS, ids=lambda address: f"{address[0]} {address[1]}")
def test_a_body_is_read_where_one_is_declared(address: tuple[str, str]) -> None:
    operation = BY_ADDRESS[address]
    reads_any_form = {"forward", "forward_backward"}
    assert bool(operation.body) == (address in MODELS or operation.id in reads_any_form)


@pytest.mark.parametrize("address", MODELS, ids=lambda address: f"{address[0]} {address[1]}")
def test_a_body_has_the_same_fields_with_the_same_bounds(address: tuple[str, str]) -> None:
    operation = BY_ADDRESS[address]
    read = MODELS[address].model_json_schema()
    compare(operation.id, operation.body["application/json"], read, read.get("$defs", {}))


NARROWED: Final = {
    "ttl_seconds": "min_ttl_seconds is a setting; the rule refuses what the file does",
    "rank": "as above, by the most that a run can have",
    "age_encryption_recipients": "as above",
    "version": "as above",
}
"""Fields that a rule behind the model checks more closely."""
BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "minItems", "maxItems")


def compare(where: str, said: Mapping[str, Any], read: Mapping[str, Any], defs: Mapping[str, Any]) -> None:
    """Fields, whether they are required, and bounds of an object of the file and of pydantic's schema of a model."""
    said, read = flat(said, {}), flat(read, defs)
    if "properties" not in read or "properties" not in said:
        for bound in BOUNDS:
            if where.rpartition(".")[2] not in NARROWED:
                assert said.get(bound) == read.get(bound), f"{where}: {bound}"
        return
    names = said["properties"].keys() - ONLY_IN_THE_FILE.keys()
    assert names == read["properties"].keys() - SHARED.get(where, set()), where
    assert set(said.get("required", ())) == set(read.get("required", ())), where
    for name in names:
        compare(f"{where}.{name}", said["properties"][name], read["properties"][name], defs)


def flat(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema behind references and behind "or null"."""
    while True:
        if "$ref" in schema:
            target = schema["$ref"]
            schema = defs[target.rpartition("/")[2]] if target.startswith("#/$defs/") else spec().resolved(schema)
            continue
        real = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
        if len(real) != 1 or "properties" in schema:
            return schema
        schema = real[0]


# What is answered.


def problems(operation: Operation, answer: httpx.Response) -> list[str]:
    """What is wrong with an answer of the operation."""
    media_type = answer.headers.get("content-type", "").split(";")[0]
    is_json = media_type == "application/json" and answer.content and answer.status_code != 206
    value = answer.json() if is_json else answer.content
    found = validate_response(operation, answer.status_code, media_type, value)
    return found + validate_headers(operation, answer.status_code, answer.headers)


def operation_for(endpoint: Endpoint) -> Operation:
    return BY_ADDRESS[endpoint.method, PREFIX + endpoint.path]


@pytest.fixture
def belongings(tenant: Tenant) -> Belongings:
    return acquire(tenant)


KEYED: Final = [endpoint for endpoint in ENDPOINTS if operation_for(endpoint).secured]


@pytest.mark.parametrize("endpoint", KEYED, ids=str)
def test_good_requests_and_their_answers_are_as_declared(
    endpoint: Endpoint, tenant: Tenant, belongings: Belongings
) -> None:
    operation = operation_for(endpoint)
    assert validate_query(operation, endpoint.query) == []
    if endpoint.body is not None:
        assert validate_request(operation, "application/json", endpoint.body(belongings)) == []
    answer = endpoint.send(tenant, belongings)
    assert answer.status_code < 400
    assert problems(operation, answer) == []
    if answer.headers.get("content-type") == "application/json" and "request_id" in answer.json():
        result = tenant.result_of(answer)
        assert validate_response(operations()["retrieve_future"], 200, "application/json", result) == []


@pytest.mark.parametrize("endpoint", KEYED, ids=str)
def test_refusals_have_declared_statuses_and_the_one_shape(
    endpoint: Endpoint, tenant: Tenant, stranger: Tenant, belongings: Belongings
) -> None:
    operation = operation_for(endpoint)
    answers = [
        endpoint.send(tenant, belongings, headers={"X-API-Key": "no key"}),
        endpoint.send(tenant, belongings, headers={"X-API-Key": "eyJ.no.token"}),
    ]
    if endpoint.whose == "private":
        answers.append(endpoint.send(stranger, belongings))
    if endpoint.body is not None:
        kind = {"content-type": "application/json"}
        wrong = (b"", b"{", b"[]", b"{}", b'{"session_id": 1, "model_id": 1, "path": 1, "prompt": 1}')
        answers.extend(endpoint.send(tenant, belongings, content=content, headers=kind) for content in wrong)
        answers.append(endpoint.send(tenant, belongings, content=b"a=b", headers={"content-type": "text/plain"}))
    if "{kind}" in endpoint.path:
        url = endpoint.url(belongings).replace("/weights/", "/no_kind/").replace("/external_weights/", "/no_kind/")
        answers.append(tenant.request(endpoint.method, url, json={"ttl_seconds": 7200}))
    url = endpoint.url(belongings)
    answers.extend(tenant.request(endpoint.method, url, params={parameter: "\0"}) for parameter in operation.query)
    for answer in answers:
        assert problems(operation, answer) == []
    assert {answer.status_code for answer in answers[:2]} == {401}


def test_what_another_published_can_be_read_and_not_changed(stranger: Tenant, belongings: Belongings) -> None:
    place = f"training_runs/{belongings.run_id}/checkpoints/weights/{belongings.published}"
    for method, path, body in (
        ("DELETE", place, None),
        ("POST", f"{place}/publish", None),
        ("DELETE", f"{place}/publish", None),
        ("PUT", f"{place}/ttl", {"ttl_seconds": 7200}),
        ("GET", place, None),
        ("GET", f"{place}/archive", None),
    ):
        answer = stranger.request(method, path, json=body)
        operation = spec().operation_of(method, PREFIX + path)
        assert operation is not None
        assert answer.status_code == (403 if method != "GET" else answer.status_code)
        assert problems(operation, answer) == []


def test_signed_addresses_answer_as_declared(tenant: Tenant, belongings: Belongings) -> None:
    place = f"training_runs/{belongings.run_id}/checkpoints/external_weights/{belongings.name}"
    archive = tenant.get(f"{place}/archive", params={"redirect": "false"}).json()["url"]
    files = tenant.get(f"{place}/external_weights_urls").json()["urls"]
    trace = tenant.get(f"sessions/{belongings.session_id}/trace_export").json()["url"]
    seen: dict[str, set[int]] = {"download": set(), "download_head": set(), "download_trace": set()}
    with httpx.Client() as anybody:
        tag = anybody.get(archive).headers["etag"]
        for url in (archive, *files.values(), trace):
            for method in ("GET",) if url == trace else ("GET", "HEAD"):
                for headers in (
                    {},
                    {"Range": "bytes=0-9"},
                    {"Range": "bytes=99999999999-"},
                    {"If-None-Match": "*"},
                    {"If-Range": tag, "Range": "bytes=0-9"},
                ):
                    for address in (url, url.replace("signature=", "signature=0"), url.partition("?")[0]):
                        answer = anybody.request(method, address, headers=headers)
                        operation = spec().operation_of(method, answer.request.url.path)
                        assert operation is not None
                        assert problems(operation, answer) == []
                        seen[operation.id].add(answer.status_code)
    assert seen["download"] == seen["download_head"] == {200, 206, 304, 403, 416}
    assert seen["download_trace"] == {200, 403}


@pytest.mark.parametrize(
    "wrong",
    [
        {"session_id": 7},
        {"model_seq_id": "0"},
        {"model_seq_id": True},
        {"model_seq_id": 0.5},
        {"lora_config": {"rank": 0}},
        {"lora_config": {"rank": 513}},
        {"lora_config": {"train_mlp": False, "train_attn": False, "train_unembed": False}},
        {"lora_config": {"train_mlp": 1}},
        {"optimizer_config": {"type": "sgd"}},
        {"optimizer_config": {"type": "dimuon", "version": 2}},
    ],
    ids=str,
)
def test_what_the_file_refuses_the_server_refuses(
    wrong: dict[str, Any], tenant: Tenant, belongings: Belongings
) -> None:
    good = {"session_id": belongings.session_id, "model_seq_id": 9, "base_model": BASE_MODEL}
    assert validate_request(operations()["create_model"], "application/json", good | wrong) != []
    assert tenant.post("create_model", json=good | wrong).status_code in {400, 422}


@pytest.mark.parametrize(
    "same", [{"model_seq_id": 9.0}, {"lora_config": None}, {"lora_config": {"rank": 4.0}}], ids=str
)
def test_what_the_file_allows_the_server_takes(same: dict[str, Any], tenant: Tenant, belongings: Belongings) -> None:
    good = {"session_id": belongings.session_id, "model_seq_id": 9, "base_model": BASE_MODEL}
    assert validate_request(operations()["create_model"], "application/json", good | same) == []
    assert tenant.post("create_model", json=good | same).status_code == 200


# The file's own examples.


def with_ids_of(value: Any, of: Belongings) -> Any:
    """The example with ids that exist in place of its own."""
    text = json.dumps(value)
    for id_of_the_file, own in (
        ("5f0c2a9e-6a5b-4d0e-9a35-2f1b8c7d4e10:train:0", of.run_id),
        ("5f0c2a9e-6a5b-4d0e-9a35-2f1b8c7d4e10:sample:0", of.sampler_id),
        ("5f0c2a9e-6a5b-4d0e-9a35-2f1b8c7d4e10", of.session_id),
        ("0b6f7a42-3c1d-4e58-8f90-a1b2c3d4e5f6", of.request_id),
        ("7d2e9c10-5b4a-4f36-9e81-0c1d2e3f4a5b", of.sample_request_id),
        ("step-100", of.name),
    ):
        text = text.replace(id_of_the_file, own)
    return json.loads(text)


def examples() -> Iterator[tuple[str, str]]:
    for operation in operations().values():
        body = spec().resolved(operation.raw.get("requestBody", {}))
        for name in body.get("content", {}).get("application/json", {}).get("examples", {}):
            yield operation.id, name


@pytest.mark.parametrize(("operation_id", "name"), list(examples()))
def test_the_examples_of_requests_are_accepted(
    operation_id: str, name: str, tenant: Tenant, belongings: Belongings
) -> None:
    operation = operations()[operation_id]
    content = spec().resolved(operation.raw["requestBody"])["content"]["application/json"]
    body = with_ids_of(content["examples"][name]["value"], belongings)
    path = operation.path.replace("{session_id}", belongings.session_id).replace("{run_id}", belongings.run_id)
    path = path.replace("{kind}", "weights").replace("{name}", belongings.name)
    answer = tenant.request(operation.method, path.removeprefix(PREFIX), json=body)
    assert answer.status_code < 300, answer.text
    assert problems(operation, answer) == []
    if '"request_id"' in answer.text and operation.id not in {"retrieve_future", "retrieve_futures"}:
        assert "error" not in tenant.result_of(answer)


async def test_the_file_is_served_as_json(served: ServedApp) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{served.url}/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == spec().document
