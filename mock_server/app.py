"""The application: wires the parts together and decides nothing."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import APIRouter, FastAPI

from mock_server import scenarios
from mock_server.api import contract, errors, login
from mock_server.api.body_limit import BodyLimit
from mock_server.api.call import tenant_of_header
from mock_server.api.first_asked import FirstAsked
from mock_server.api.hub.router import create_hub_router
from mock_server.api.route_table import RouteTable
from mock_server.api.scenario_choice import ScenarioChoice
from mock_server.api.shortcut import Shortcut
from mock_server.api.tinker import tinker_routes
from mock_server.domain.accounts import tokenizer_served
from mock_server.domain.catalogue import Catalogue
from mock_server.domain.dials import Dial
from mock_server.faults import FaultLayer, FaultPlan, Server
from mock_server.journal import Journal, Surroundings
from mock_server.listening import Listener, Listening
from mock_server.runtime import Clocks, Runtime, Timing
from mock_server.scenarios import Library, Stage
from mock_server.scenarios.scenery import ServerScenery
from mock_server.settings import Settings
from mock_server.store import Store
from mock_server.worlds import Worlds

log = logging.getLogger(__name__)


def create_app(settings: Settings) -> FastAPI:
    """The server as an ASGI application. Its lifespan opens the store (StoreError) and closes it."""
    catalogue = Catalogue.default() if settings.models_file is None else Catalogue.load(settings.models_file)
    clocks = Clocks(settings.clock)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        store = Store.open(settings.data_dir, durability=settings.durability, seed=settings.seed, clock=clocks.now)
        try:
            runtime = Runtime(store, catalogue, clocks, _timing(settings), _dials(settings))
            app.state.runtime = runtime
            app.state.worlds = Worlds(runtime, app.state.faults, app.state.journal)
            app.state.begin_shutdown = runtime.release_polls
            await runtime.start()
            yield
            await runtime.stop()
        finally:
            store.close()

    app = FastAPI(
        title="tinker-mock",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        # Looking for OpenTelemetry's providers would cost every request a tenth of its time.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.settings = settings

    async def on_served(tenant: str, repository: str) -> None:
        await app.state.runtime.store.write(tokenizer_served, tenant, repository)

    routes = tinker_routes()
    table = RouteTable(routes)
    app.router.routes.extend((table, *routes))
    app.include_router(contract.router)
    app.include_router(login.router)
    app.include_router(create_hub_router(catalogue, on_served))
    app.router.routes.append(FirstAsked("/__admin", _control_plane))
    errors.install(app)
    app.add_middleware(Shortcut, table=table, handlers=app.exception_handlers)
    app.add_middleware(BodyLimit, limit=settings.max_body_bytes)
    app.state.faults = FaultPlan(settings.seed or 0)
    app.state.operations = table.operations
    # Around the framework's own outermost middleware, behind whose `send` no connection can be reached.
    whose = partial(tenant_of_header, app)
    server = Server(table.operation_of, whose, lambda: app.state.runtime)
    app.middleware_stack = FaultLayer(app.build_middleware_stack(), app.state.faults, server)
    listeners = _listeners(app, settings, table, clocks)
    app.state.stage = _stage(app, settings)
    app.middleware_stack = ScenarioChoice(app.middleware_stack, app.state.stage, whose)
    if listeners:
        app.middleware_stack = Listening(app.middleware_stack, listeners)
    return app


def _control_plane() -> APIRouter:
    from mock_server.api.admin import admin_router  # noqa: PLC0415 - a tenth of the start, and most servers need none

    return admin_router()


def _listeners(app: FastAPI, settings: Settings, table: RouteTable, clocks: Clocks) -> list[Listener]:
    """Who listens to what crosses the wire: the observer first, so that the journal can note what it found."""
    listeners: list[Listener] = []
    if settings.observe:
        # Imports the contract, which a server that does not watch needs not.
        from mock_server.observing import Verdicts  # noqa: PLC0415

        app.state.verdicts = Verdicts()
        listeners.append(app.state.verdicts)
    app.state.journal = None
    if settings.journal:
        server = Surroundings(table.operation_of, partial(tenant_of_header, app), clocks.now)
        app.state.journal = Journal(server, exchanges=settings.journal_exchanges, size=settings.journal_bytes)
        listeners.append(app.state.journal)
    return listeners


def _stage(app: FastAPI, settings: Settings) -> Stage:
    """Where scenarios are played. Raises NoScenario where the one that everybody is to play is none."""
    own = [] if settings.scenarios_dir is None else [settings.scenarios_dir]
    library = Library(*own, scenarios.catalogue())
    everybodys = None if settings.scenario is None else library.find(settings.scenario)
    return Stage(library, app.state.faults, ServerScenery(lambda: app.state.worlds), everybodys)


def _timing(settings: Settings) -> Timing:
    return Timing(
        poll_seconds=settings.poll_seconds,
        gap_seconds=settings.gap_seconds,
        result_ttl_seconds=settings.result_ttl_seconds,
        session_timeout_seconds=settings.session_timeout_seconds,
        snapshot_steps=settings.snapshot_steps,
        snapshot_bytes=settings.snapshot_bytes,
        inline_bytes=settings.inline_bytes,
    )


def _dials(settings: Settings) -> dict[str, Dial]:
    return {kind: Dial.parse(text) for kind, text in settings.dials.items()}
