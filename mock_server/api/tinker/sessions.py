"""Sessions: opened by every ServiceClient, kept alive by heartbeats, finished, listed."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from mock_server.api.call import TenantCall
from mock_server.api.json_route import JsonRoute
from mock_server.api.tinker.answers import cursor, json_response, no_content, timestamp
from mock_server.api.tinker.bodies import AssignProject, CreateSession, FinishSession, Heartbeat, SearchSessions
from mock_server.api.tinker.parameters import AccessScope, Limit, Offset
from mock_server.api.tinker.prefix import PREFIX
from mock_server.domain import session_search, sessions
from mock_server.domain.metadata import strings
from mock_server.domain.session_search import DEFAULT_PROJECT, FINISHED, Search
from mock_server.domain.sessions import NewSession
from mock_server.domain.tenants import owner_urn
from mock_server.domain.usage import Held
from mock_server.store.tables import Session

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
async def session_heartbeat(body: Heartbeat, call: TenantCall) -> Response:
    """Keep a session alive. 410 when it has ended, which stops the client's loop."""
    await call.read(sessions.check_alive, body.session_id)
    call.runtime.beat(call.tenant, body.session_id)
    return json_response({"type": "session_heartbeat"})


@router.post("/sessions/{session_id}/finish", status_code=204)
async def finish_session(session_id: str, body: FinishSession, call: TenantCall) -> Response:
    """End a session, as its client says how it went. A repeat changes nothing."""
    await call.write(sessions.finish, session_id, reason=body.reason.type, detail=body.detail)
    return no_content()


@router.get("/sessions")
async def list_sessions(
    call: TenantCall, limit: Limit = 20, offset: Offset = 0, access_scope: AccessScope = "owned"
) -> Response:
    """Session ids, newest first. A session can't be published, so `accessible` finds no more than `owned`."""
    found, total = await call.read(sessions.page, limit=limit, offset=offset)
    return json_response({"sessions": found, "cursor": cursor(offset=offset, limit=limit, total=total)})


@router.get("/sessions/{session_id}")
async def get_session(session_id: str, call: TenantCall, access_scope: AccessScope = "owned") -> Response:
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


@router.put("/sessions/{session_id}/project", status_code=204)
async def assign_session_project(session_id: str, body: AssignProject, call: TenantCall) -> Response:
    """Move a session, with its training runs, to a project. Any name is a project."""
    await call.write(sessions.assign_project, session_id, body.project_id)
    return no_content()


@router.post("/sessions/search")
async def search_sessions(body: SearchSessions, call: TenantCall) -> Response:
    """Sessions by id, name, metadata, project and status, newest first."""
    me = owner_urn(call.tenant)
    if body.owner.type == "user" and me not in body.owner.owner_urns:
        return json_response({"sessions": [], "next_cursor": None})  # others' sessions are not this tenant's to list
    wanted = Search(
        session_id=body.session_id,
        project_ids=None if body.project_ids is None else frozenset(body.project_ids),
        user_metadata=body.user_metadata,
        display_name=body.display_name,
        statuses=_statuses(body),
    )
    after = None if body.cursor is None else body.cursor.last_session_id
    found = await call.read(session_search.search, wanted, limit=body.limit, after=after)
    last = found.sessions[-1][0] if found.more else None
    next_cursor = None if last is None else {"last_created_at": timestamp(last.created_at), "last_session_id": last.id}
    return json_response(
        {"sessions": [_summary(session, held) for session, held in found.sessions], "next_cursor": next_cursor}
    )


def _statuses(body: SearchSessions) -> frozenset[str] | None:
    """Our own statuses for those of the wire. Nothing here cancels a session or fails it as a whole."""
    if body.statuses is None:
        return None
    wanted: set[str] = set()
    for status in body.statuses:
        if status.type == "active":
            wanted.add("active")
        elif status.type == "client_finished":
            wanted.update(FINISHED if status.reasons is None else status.reasons)
    return frozenset(wanted)


def _summary(session: Session, held: Held) -> dict[str, Any]:
    status: dict[str, Any] | None = None  # what the wire has for a session that neither finished nor is running
    if session.status == "active":
        status = {"type": "active"}
    elif session.status in FINISHED:
        status = {
            "type": "client_finished",
            "reason": {"type": session.status},
            "detail": session.status_detail,
        }
    return {
        "session_id": session.id,
        "created_at": timestamp(session.created_at),
        "owner": owner_urn(session.tenant),
        "project_id": session.project_id or DEFAULT_PROJECT,
        "status": status,
        "checkpoints_count": held.checkpoints,
        "checkpoint_storage_bytes": held.size,
        "display_name": session.display_name,
        "user_metadata": strings(session.user_metadata),
    }
