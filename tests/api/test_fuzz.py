"""Arbitrary bodies on arbitrary endpoints: whatever they hold, the answer has its shape and the server goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.belongings import Belongings, Tenant, acquire
from tests.api.endpoints import WITH_BODY, Endpoint
from tests.api.test_errors import assert_ends, assert_has_the_shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.api.conftest import ServedApp

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["", "\ud800", "\0"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
QUICK = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def fuzzed(served: ServedApp) -> Iterator[tuple[Tenant, Belongings]]:
    with Tenant(served.url) as tenant:
        yield tenant, acquire(tenant)


@pytest.mark.parametrize("endpoint", WITH_BODY, ids=str)
@given(data=st.data())
@QUICK
def test_any_values_in_known_fields(endpoint: Endpoint, data: st.DataObject, fuzzed: tuple[Tenant, Belongings]) -> None:
    tenant, belongings = fuzzed
    assert endpoint.body is not None
    body: dict[str, Any] = endpoint.body(belongings)
    for name in data.draw(st.sets(st.sampled_from(sorted(body)), min_size=1)):
        body[name] = data.draw(VALUES)
    answer = endpoint.send(tenant, belongings, content=json.dumps(body), headers={"content-type": "application/json"})
    assert_has_the_shape(answer)
    assert_ends(tenant, answer)


@given(
    endpoint=st.sampled_from(WITH_BODY),
    content=st.binary(max_size=200),
    content_type=st.sampled_from(["application/json", "application/x-protobuf", ""]),
    encoding=st.sampled_from(["", "zstd", "gzip", "br", "deflate"]),
)
@QUICK
def test_any_bytes(
    endpoint: Endpoint, content: bytes, content_type: str, encoding: str, fuzzed: tuple[Tenant, Belongings]
) -> None:
    tenant, belongings = fuzzed
    headers = {"content-type": content_type} | ({"content-encoding": encoding} if encoding else {})
    answer = endpoint.send(tenant, belongings, content=content, headers=headers)
    assert_has_the_shape(answer)


def test_the_server_goes_on(served: ServedApp) -> None:
    with Tenant(served.url) as tenant:
        acquire(tenant)
