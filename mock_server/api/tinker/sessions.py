"""Sessions: opened by every ServiceClient, kept alive by heartbeats, finished, listed."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from mock_server.api.call import TenantCall
from mock_server.api.json_route import JsonRoute
from mock_server.api.tinker.answers import json_response, no_content, strings
from mock_server.api.tinker.bodies import CreateSession, FinishSession, Heartbeat
from mock_server.api.tinker.prefix import PREFIX
from mock_server.domain import sessions
from mock_server.domain.sessions import NewSession

router = APIRouter(prefix=PREFIX, tags=["sessions"], route_class=JsonRoute)


@router.post("/create_session")
async def create_session(body: CreateSession, call: TenantCall) -> Response:
    """Open a session."""
    new = NewSession(
        tags=body.tags,
        user_metadata=body.user_metadata,
        display_name=body.display_name,
        project_id=body.project_id,
        sdk_version=body.sdk_version,
    )
    session_id = await call.write(sessions.create, new, call.runtime.store.seed)
    return json_response({"session_id": session_id, "type": "create_session"})


@router.post("/session_heartbeat")
async def heartbeat(body: Heartbeat, call: TenantCall) -> Response:
    """Keep a session alive. 410 when it has ended, which stops the client's loop."""
    await call.read(sessions.check_alive, body.session_id)
    call.runtime.beat(body.session_id)
    return json_response({"type": "session_heartbeat"})


@router.post("/sessions/{session_id}/finish", status_code=204)
async def finish_session(session_id: str, body: FinishSession, call: TenantCall) -> Response:
    """End a session, as its client says how it went. A repeat changes nothing."""
    await call.write(sessions.finish, session_id, reason=body.reason.type, detail=body.detail)
    return no_content()


@router.get("/sessions")
async def list_sessions(
    call: TenantCall,
    limit: Annotated[int, Query(ge=0, le=1000)] = 20,
    offset: Annotated[int, Query(ge=0, lt=2**62)] = 0,
) -> Response:
    """Session ids, newest first."""
    found, total = await call.read(sessions.page, limit=limit, offset=offset)
    return json_response({"sessions": found, "cursor": {"offset": offset, "limit": limit, "total_count": total}})


@router.get("/sessions/{session_id}")
async def get_session(session_id: str, call: TenantCall) -> Response:
    """A session and the ids of its runs and samplers."""
    content = await call.read(sessions.content, session_id)
    return json_response(
        {
            "training_run_ids": content.training_run_ids,
            "sampler_ids": content.sampler_ids,
            "user_metadata": strings(content.session.user_metadata),
            "display_name": content.session.display_name,
        }
    )
