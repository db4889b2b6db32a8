"""Routes of the API are reached without the framework's router, and everything else through it."""

from __future__ import annotations

import httpx
import pytest
from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from mock_server.api.json_route import JsonRoute
from mock_server.api.route_table import RouteTable
from mock_server.api.shortcut import Shortcut


async def _framework(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("by the framework")(scope, receive, send)


def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return PlainTextResponse(f"{request.url.path}: {error.detail}", error.status_code)


def _bug(request: Request, error: Exception) -> Response:
    raise AssertionError(f"{request.url.path}: a bug belongs to the outermost layer") from error


def client() -> httpx.AsyncClient:
    plain, ours = APIRouter(), APIRouter(route_class=JsonRoute)

    @plain.get("/plain")
    async def of_another_kind() -> None: ...

    @ours.get("/things/{name}")
    async def thing(name: str) -> Response:
        if name == "none":
            raise HTTPException(404, "no such thing")
        if name == "bug":
            raise ZeroDivisionError
        return PlainTextResponse(name)

    app = Shortcut(_framework, RouteTable([*plain.routes, *ours.routes]), {HTTPException: _refusal, Exception: _bug})
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server")


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/things/lamp", 200, "lamp"),
        ("GET", "/things/none", 404, "/things/none: no such thing"),
        ("PATCH", "/things/lamp", 200, "by the framework"),
        ("GET", "/plain", 200, "by the framework"),
        ("GET", "/unknown", 200, "by the framework"),
    ],
)
async def test_only_what_a_json_route_takes_goes_the_short_way(method: str, path: str, status: int, text: str) -> None:
    async with client() as http:
        answer = await http.request(method, path)
    assert (answer.status_code, answer.text) == (status, text)


async def test_a_bug_goes_on_to_the_outermost_layer() -> None:
    async with client() as http:
        with pytest.raises(ZeroDivisionError):
            await http.get("/things/bug")
