"""The Tinker dialect: one module and one router per noun, all under /api/v1."""

from starlette.routing import BaseRoute

from mock_server.api.tinker import (
    account,
    archives,
    audit,
    billing,
    checkpoints,
    client_config,
    copies,
    custom_losses,
    futures,
    models,
    sampling,
    sessions,
    streaming,
    telemetry,
    traces,
    training,
    training_runs,
    weights,
)

NOUNS = (
    account,
    archives,
    audit,
    billing,
    checkpoints,
    client_config,
    copies,
    custom_losses,
    futures,
    models,
    sampling,
    sessions,
    streaming,
    telemetry,
    traces,
    training,
    training_runs,
    weights,
)


def tinker_routes() -> list[BaseRoute]:
    """All routes of the dialect, to be put straight into the app: FastAPI matches an included router twice."""
    return [route for noun in NOUNS for route in noun.router.routes]
