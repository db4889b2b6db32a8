"""How the server steers its clients: flags, capabilities, health."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from starlette.responses import Response

from mock_server.api.call import Call, TenantCall
from mock_server.api.json_route import JsonRoute
from mock_server.api.tinker.answers import json_response
from mock_server.api.tinker.bodies import ClientConfig
from mock_server.api.tinker.client_forms import forms_of
from mock_server.api.tinker.prefix import PREFIX
from mock_server.domain.client_flags import CONFIG_FLAGS, DYNAMIC_CONFIG_FLAGS
from mock_server.scenarios import Stage

router = APIRouter(prefix=PREFIX, tags=["client config"], route_class=JsonRoute)


@router.post("/client/config")
async def client_config(body: ClientConfig, call: TenantCall) -> Response:
    """Flags for a client's lifetime, asked for before anything else. Said in full, so that a trace shows them."""
    defaults = {name: flag.default for name, flag in CONFIG_FLAGS.items()}
    served = {**forms_of(call.request).flags, **call.settings.client_config, **_played(call, "client_config")}
    return json_response({**defaults, **served})


@router.post("/client/dynamic_config")
async def dynamic_config(body: ClientConfig, call: TenantCall) -> Response:
    """Flags that a client asks for again every `refresh_interval_sec`."""
    defaults = {name: flag.default for name, flag in DYNAMIC_CONFIG_FLAGS.items()}
    return json_response({**defaults, **call.settings.dynamic_config, **_played(call, "dynamic_config")})


def _played(call: Call, name: Literal["client_config", "dynamic_config"]) -> dict[str, Any]:
    """What the caller's scenario tells its clients."""
    stage: Stage = call.request.app.state.stage
    return stage.flags(call.tenant, name)


@router.get("/get_server_capabilities")
async def get_server_capabilities(call: TenantCall) -> Response:
    """The base models on offer."""
    models = [
        {
            "model_name": entry.name,
            "max_context_length": entry.max_context_length,
            "trainable": entry.trainable,
            "sampleable": entry.sampleable,
        }
        for entry in call.runtime.catalogue
    ]
    return json_response({"supported_models": models})


@router.get("/healthz")
async def healthz(request: Request) -> Response:
    """Whether the server answers. Needs no key."""
    return json_response({"status": "ok"})
