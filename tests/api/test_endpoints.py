"""The table of endpoints is whole, and each of its good requests is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fastapi.routing import APIRoute

from tests.api.belongings import Tenant, acquire
from tests.api.endpoints import ENDPOINTS, Endpoint

if TYPE_CHECKING:
    from tests.api.conftest import ServedApp

PREFIX = "/api/v1/"


def test_every_route_stands_in_the_table(served: ServedApp) -> None:
    routes = {
        (method, route.path.removeprefix(PREFIX))
        for route in served.app.routes
        if isinstance(route, APIRoute) and route.path.startswith(PREFIX)
        for method in route.methods or ()
    }
    assert routes == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}


@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if not e.path.startswith("downloads/")], ids=str)
def test_the_good_request_is_answered_well(endpoint: Endpoint, tenant: Tenant) -> None:
    belongings = acquire(tenant)
    answer = endpoint.send(tenant, belongings)
    assert answer.status_code in {200, 204, 302}, answer.text
    if endpoint.path == "stream_sample":
        assert answer.headers["content-type"].startswith("text/event-stream")
    elif answer.status_code == 200:
        assert isinstance(answer.json(), dict)
        if "request_id" in answer.json() and endpoint.path != "retrieve_future":
            assert "error" not in tenant.result_of(answer)
