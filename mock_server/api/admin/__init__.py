"""The control plane under /__admin: for whoever runs the server, not for its clients."""

from fastapi import APIRouter

from mock_server.api.admin import faults, journal

NOUNS = (faults, journal)


def admin_router() -> APIRouter:
    """All routes of the control plane. They are no part of the contract, so openapi.yaml has none of them."""
    router = APIRouter(include_in_schema=False)
    for noun in NOUNS:
        router.include_router(noun.router)
    return router
