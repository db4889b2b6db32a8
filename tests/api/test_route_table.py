"""The table finds what the routes themselves would have found, and leaves the rest to them."""

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


def test_unknown_paths_and_methods_are_left_to_the_routes_behind() -> None:
    table = RouteTable(tinker_routes())
    for method, path in (
        ("GET", "/api/v1/nothing"),
        ("PATCH", "/api/v1/healthz"),
        ("GET", "/"),
        ("GET", "/api/v1/healthz/"),
    ):
        assert table.matches(scope(method, path))[0] == Match.NONE


def test_a_fixed_path_goes_before_one_with_a_parameter() -> None:
    router = APIRouter()

    @router.get("/things/{name}")
    async def one(name: str) -> None: ...

    @router.get("/things/all")
    async def everything() -> None: ...

    match, found = RouteTable(router.routes).matches(scope("GET", "/things/all"))
    assert match == Match.FULL
    assert found["endpoint"] is everything
