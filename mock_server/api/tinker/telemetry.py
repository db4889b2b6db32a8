"""Telemetry: taken in at once (a client waits for it before it shows a fatal error) and only counted."""

import logging

from fastapi import APIRouter
from starlette.responses import Response

from mock_server.api.call import TenantCall
from mock_server.api.json_route import JsonRoute
from mock_server.api.tinker.answers import json_response
from mock_server.api.tinker.bodies import Telemetry
from mock_server.api.tinker.prefix import PREFIX

log = logging.getLogger(__name__)

router = APIRouter(prefix=PREFIX, tags=["telemetry"], route_class=JsonRoute)


@router.post("/telemetry")
async def telemetry(body: Telemetry, call: TenantCall) -> Response:
    """Accept a client's events; those that report an exception are worth a line in the log."""
    for event in body.events:
        if event.get("event") == "UNHANDLED_EXCEPTION":
            log.info("a client reports %s: %s", event.get("error_type"), event.get("error_message"))
    return json_response({"status": "accepted"})
