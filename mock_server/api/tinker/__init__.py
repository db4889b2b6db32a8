"""The Tinker dialect: one module and one router per noun, all under /api/v1."""

from fastapi import APIRouter

from mock_server.api.tinker import (
    account,
    checkpoints,
    client_config,
    futures,
    models,
    sampling,
    sessions,
    telemetry,
    training,
    training_runs,
    weights,
)

PREFIX = "/api/v1"


def tinker_router() -> APIRouter:
    """All routes of the dialect."""
    router = APIRouter(prefix=PREFIX)
    for noun in (
        account,
        checkpoints,
        client_config,
        futures,
        models,
        sampling,
        sessions,
        telemetry,
        training,
        training_runs,
        weights,
    ):
        router.include_router(noun.router)
    return router
