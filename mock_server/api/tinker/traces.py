"""A session's timeline: where to load it from, and the loading itself."""

import json
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from mock_server.api.call import TenantCall
from mock_server.api.json_route import JsonRoute
from mock_server.api.tinker.answers import json_response
from mock_server.api.tinker.prefix import PREFIX
from mock_server.api.tinker.signed import reader, refuse_others, signed_url
from mock_server.domain import sessions, traces
from mock_server.runtime import Runtime

router = APIRouter(prefix=PREFIX, tags=["traces"], route_class=JsonRoute)

TRACE = "/downloads/traces/{session_id}"
LIFETIME_SECONDS = 3600
"""About an hour, as the SDK documents it."""


@router.get("/sessions/{session_id}/trace_export")
async def export_session_trace(session_id: str, call: TenantCall) -> Response:
    """A signed address of the session's trace. It is written while it is read, so nobody has to wait for it."""
    await call.read(sessions.owned, session_id)
    expires = int(call.now) + LIFETIME_SECONDS
    url = signed_url(call, TRACE.format(session_id=session_id), expires)
    return json_response({"status": "ready", "url": url, "error": None})


@router.get(TRACE)
async def download_trace(session_id: str, request: Request) -> Response:
    """The session's operations with their times. The address says who may; a key says nothing here."""
    runtime: Runtime = request.app.state.runtime
    tenant = reader(request)
    await runtime.settle()
    targets = await runtime.store.read(traces.targets, tenant, session_id)
    return StreamingResponse(_trace(runtime, targets), media_type="application/json")


refuse_others(router, TRACE, {"GET"})


async def _trace(runtime: Runtime, targets: list[str]) -> AsyncIterator[str]:
    """The trace page by page, so that a long session takes no more memory than a short one."""
    yield '{"displayTimeUnit":"ms","traceEvents":['
    comma = ""
    for process, target in enumerate(targets, start=1):
        events = [traces.track(process, target)]
        after = -1
        while True:
            page = await runtime.store.read(traces.page, target, after)
            events += [event for operation in page for event in traces.span(process, operation)]
            if events:
                yield comma + ",".join(json.dumps(event, separators=(",", ":")) for event in events)
                comma, events = ",", []
            if len(page) < traces.PAGE:
                break
            after = page[-1].position
    yield "]}"
