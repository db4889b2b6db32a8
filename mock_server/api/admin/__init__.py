"""The control plane under /__admin: for whoever runs the server, not for its clients."""

from functools import cache
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute

from mock_server import __version__
from mock_server.api.admin import (
    about,
    clock,
    corruptions,
    dials,
    faults,
    journal,
    reset,
    runs,
    scenarios,
    seeds,
    snapshots,
)
from mock_server.api.admin.administrator import PREFIX, administrator
from mock_server.api.admin.problem import REFUSALS

NOUNS = (about, runs, reset, seeds, snapshots, faults, corruptions, scenarios, clock, dials, journal)


def admin_router() -> APIRouter:
    """All routes of the control plane. They are no part of the contract: openapi.yaml has none of them."""
    router = APIRouter(redirect_slashes=False)
    for noun in NOUNS:
        router.include_router(noun.router, responses=REFUSALS)
    router.add_api_route(f"{PREFIX}/openapi.json", _openapi, dependencies=[Depends(administrator)], tags=["server"])
    return router


@cache
def openapi() -> dict[str, Any]:
    """The control plane's own OpenAPI document."""
    app = FastAPI(
        title="tinker-mock control plane",
        version=__version__,
        description="For whoever runs the server or tests with it. Answers to this machine, or with the admin_token.",
        generate_unique_id_function=_name,
    )
    app.include_router(admin_router())
    return app.openapi()


async def _openapi() -> dict[str, Any]:
    """The control plane, as OpenAPI 3.1 describes it."""
    return openapi()


def _name(route: APIRoute) -> str:
    return route.name.lstrip("_")
