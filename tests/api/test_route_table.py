"""The table finds what the routes themselves would have found, and knows the methods of every path."""

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from mock_server.api.route_table import RouteTable
from mock_server.api.tinker import tinker_routes


def scope(method: str, path: str) -> Scope:
    return {"type": "http", "method": method, "path": path, "headers": []}


def test_every_route_of_the_dialect_is_found_by_its_own_path() -> None:
    routes = tinker_routes()
    table = RouteTable(routes)
    # The rest only refuses methods, and may take its time.
    for route in (route for route in routes if isinstance(route, APIRoute)):
        for method in route.methods or ():
            path = route.path.replace("{kind}", "weights").replace("{", "").replace("}", "")
            match, found = table.matches(scope(method, path))
            assert match == Match.FULL
            assert found["route"] is route
            assert (match, found) == route.matches(scope(method, path))


def test_unknown_paths_are_left_to_the_routes_behind() -> None:
    table = RouteTable(tinker_routes())
    for path in ("/api/v1/nothing", "/", "/api/v1/healthz/"):
        assert table.matches(scope("GET", path))[0] == Match.NONE


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("healthz", ["GET"]),
        ("auth/apikey/me", ["DELETE", "GET"]),
        ("training_runs/a/checkpoints/weights/b", ["DELETE", "GET"]),
    ],
)
def test_a_method_that_a_path_does_not_take_is_answered_with_all_that_it_takes(path: str, methods: list[str]) -> None:
    match, found = RouteTable(tinker_routes()).matches(scope("PATCH", f"/api/v1/{path}"))
    assert match != Match.NONE
    assert found["allowed_methods"] == methods


def test_a_fixed_path_is_no_parameter_for_other_methods_either() -> None:
    match, found = RouteTable(tinker_routes()).matches(scope("GET", "/api/v1/sessions/search"))
    assert match == Match.FULL
    assert found["allowed_methods"] == ["POST"]


def test_a_fixed_path_goes_before_one_with_a_parameter() -> None:
    router = APIRouter()

    @router.get("/things/{name}")
    async def one(name: str) -> None: ...

    @router.get("/things/all")
    async def everything() -> None: ...

    match, found = RouteTable(router.routes).matches(scope("GET", "/things/all"))
    assert match == Match.FULL
    assert found["endpoint"] is everything
