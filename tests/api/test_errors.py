"""Whatever a request is like, its answer is no 500, and an error has the one shape that every client reads."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.belongings import Belongings, Tenant, acquire
from tests.api.endpoints import ENDPOINTS, WITH_BODY, Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.api.conftest import ServedApp

DEEP = "[" * 100_000 + "]" * 100_000
WRONG_BODIES = {
    "empty": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "a text": b'"text"',
    "null": b"null",
    "a number": b"1",
    "invalid UTF-8": b'{"model_id": "\xff"}',
    "deeply nested": DEEP.encode(),
    "a deeply nested field": b'{"user_metadata": ' + DEEP.encode() + b"}",
    "a key twice": b'{"model_id": 1, "model_id": 2}',
    "protobuf": b"\x0a\x03run\x10\x01",
}
WRONG_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**31,
    2**63,
    10**400,
    1.5,
    "",
    "text",
    "\ud800",
    "nul \0",
    "é" * 5000,
    [],
    [None],
    [[]],
    {},
    {"": None},
    {"\ud800": "\ud800"},
    {"type": "no such type"},
    {"tokens": [2**40], "chunks": [{"type": "encoded_text", "tokens": ["a"]}], "data": "x"},
)
# Not JSON, but what Python's writers send for them.
WRONG_NUMBERS = ("NaN", "Infinity", "-Infinity", "1e999", "-0", "1e-400")


def assert_has_the_shape(answer: httpx.Response) -> None:
    """Not a 500; an error is an object with what every client looks for."""
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/json"
        body = answer.json()
        assert body["detail"] == body["message"]
        assert len(body["message"]) < 1000
        assert isinstance(body["error"], str)
        assert body["category"] == "user"
        assert body["retryable"] == (answer.status_code in {408, 409, 429})


def assert_ends(tenant: Tenant, answer: httpx.Response) -> None:
    """What was accepted comes to an end for which the server does not blame itself."""
    if answer.headers.get("content-type", "").startswith("text/event-stream"):
        assert '"category":"server"' not in answer.text
    elif answer.status_code == 200 and "request_id" in answer.json():
        result = tenant.result_of(answer)
        assert result.get("category") != "server", result


@pytest.fixture
def belongings(tenant: Tenant) -> Belongings:
    return acquire(tenant)


@pytest.mark.parametrize("endpoint", WITH_BODY, ids=str)
def test_a_body_of_the_wrong_kind_is_the_users_mistake(
    endpoint: Endpoint, tenant: Tenant, belongings: Belongings
) -> None:
    for name, content in WRONG_BODIES.items():
        for content_type in ("application/json", "application/x-protobuf"):
            answer = endpoint.send(tenant, belongings, content=content, headers={"content-type": content_type})
            assert_has_the_shape(answer)
            # A few need no body at all, or ignore fields that they do not know.
            if name in {"no JSON", "a list", "a text", "a number", "invalid UTF-8", "deeply nested"}:
                assert 400 <= answer.status_code < 500, name


@pytest.mark.parametrize("content_type", ["text/plain", "", "nonsense", "application/x-www-form-urlencoded"])
def test_a_body_that_does_not_say_what_it_is_gets_a_hint(tenant: Tenant, content_type: str) -> None:
    headers = {"content-type": content_type} if content_type else {}
    answer = tenant.post("get_info", content=b'{"model_id": "a"}', headers=headers)
    assert_has_the_shape(answer)
    assert answer.status_code == 422
    assert "application/json" in answer.json()["message"]


@pytest.mark.parametrize("number", ["2%0D", "%202", "1_0", "1.0", "%D9%A3", "", "a"])
def test_a_number_of_a_query_is_one_in_digits(tenant: Tenant, number: str) -> None:
    for query in (f"limit={number}", f"offset={number}"):
        answer = tenant.get(f"sessions?{query}")
        assert_has_the_shape(answer)
        assert answer.status_code == 422
        assert "give a whole number, in digits" in answer.json()["message"]


@pytest.mark.parametrize("endpoint", WITH_BODY, ids=str)
def test_a_field_of_any_other_value_is_refused_or_taken_but_never_a_bug(
    endpoint: Endpoint, tenant: Tenant, belongings: Belongings
) -> None:
    assert endpoint.body is not None
    good = endpoint.body(belongings)
    for path in fields_of(good):
        for content in (json.dumps(changed(good, path, value)) for value in WRONG_VALUES):
            answer = endpoint.send(tenant, belongings, content=content, headers={"content-type": "application/json"})
            assert_has_the_shape(answer)
            assert_ends(tenant, answer)
        for number in WRONG_NUMBERS:
            content = json.dumps(changed(good, path, "<number>")).replace('"<number>"', number)
            answer = endpoint.send(tenant, belongings, content=content, headers={"content-type": "application/json"})
            assert_has_the_shape(answer)
            assert_ends(tenant, answer)


@pytest.mark.parametrize("endpoint", WITH_BODY, ids=str)
def test_a_missing_field_is_named(endpoint: Endpoint, tenant: Tenant, belongings: Belongings) -> None:
    assert endpoint.body is not None
    good = endpoint.body(belongings)
    for name in good:
        answer = endpoint.send(tenant, belongings, json={key: value for key, value in good.items() if key != name})
        assert_has_the_shape(answer)
        if answer.status_code == 422:
            assert name in answer.json()["message"]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_a_method_that_it_does_not_take_is_405(endpoint: Endpoint, tenant: Tenant, belongings: Belongings) -> None:
    taken = {other.method for other in ENDPOINTS if other.path == endpoint.path}
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - taken:
        answer = tenant.request(method, endpoint.url(belongings))
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == taken
        assert_has_the_shape(answer)


@pytest.mark.parametrize(
    "path", ["", "no_such_thing", "training_runs/a/b", "sessions/a/b/c", "checkpoints/", "%FF%00", "samplers/"]
)
def test_a_path_that_is_none_is_404(tenant: Tenant, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = tenant.request(method, path)
        assert answer.status_code == 404
        assert_has_the_shape(answer)


@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if e.method == "GET"], ids=str)
def test_query_parameters_may_be_anything(endpoint: Endpoint, tenant: Tenant, belongings: Belongings) -> None:
    for name in ("limit", "offset", "project_id", "access_scope", "redirect"):
        for value in ("-1", "0", "1", str(2**31), str(2**63), "9" * 400, "a", "", "NaN", "\0", "%ED%A0%80"):
            assert_has_the_shape(tenant.get(endpoint.url(belongings), params={name: value}))


@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if "{" in e.path], ids=str)
def test_ids_in_a_path_may_be_anything(endpoint: Endpoint, tenant: Tenant, belongings: Belongings) -> None:
    for wrong in ("x", "%00", "%FF", "%ED%A0%80", "..%2F..", "'; DROP TABLE operations", "é" * 300, " "):
        path = endpoint.path
        for name in ("{run_id}", "{session_id}", "{sampler_id}", "{kind}", "{name}", "{file}"):
            path = path.replace(name, wrong)
        body = None if endpoint.body is None else endpoint.body(belongings)
        answer = tenant.request(endpoint.method, path, json=body)
        assert_has_the_shape(answer) if endpoint.method != "HEAD" else None
        # Nothing of anybody has such an id, but an empty list is an answer too.
        assert answer.status_code in {400, 401, 403, 404, 422}


def test_a_body_beyond_the_limit_is_413_before_it_is_read(served: ServedApp, tenant: Tenant) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(limit // 2**20 + 2):
            yield b"a" * 2**20

    limit = served.app.state.settings.max_body_bytes
    with closing(HTTPConnection("127.0.0.1", tenant.base_url.port or 0)) as connection:
        connection.putrequest("POST", "/api/v1/telemetry")
        connection.putheader("Content-Length", str(limit + 1))
        connection.endheaders()
        declared = connection.getresponse()
        assert declared.status == 413
        assert json.loads(declared.read())["error"] == "body_too_large"
    counted = tenant.post("telemetry", content=endless())
    assert counted.status_code == 413
    assert_has_the_shape(counted)


def fields_of(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths to all fields of an object, the inner ones too."""
    if isinstance(value, dict):
        return [p for key, inner in value.items() for p in [(*path, key), *fields_of(inner, (*path, key))]]
    if isinstance(value, list) and value:
        return [(*path, 0), *fields_of(value[0], (*path, 0))]
    return []


def changed(value: Any, path: tuple[str | int, ...], replacement: object) -> Any:
    """A copy with another value at that path."""
    if not path:
        return replacement
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(copy[path[0]], path[1:], replacement)
    return copy
