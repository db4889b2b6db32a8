"""Checkpoints: listed, deleted, published, given a time to live.

Their id holds a slash and comes raw in the path (weights/ck1), so kind and name are two segments here.
"""

from fastapi import APIRouter
from starlette.responses import Response

from mock_server.api.call import TenantCall
from mock_server.api.json_route import JsonRoute
from mock_server.api.tinker.answers import checkpoint, cursor, json_response, no_content
from mock_server.api.tinker.bodies import SetTtl
from mock_server.api.tinker.client_forms import forms_of
from mock_server.api.tinker.parameters import Limit, Offset, UnlimitedLimit
from mock_server.api.tinker.prefix import PREFIX
from mock_server.domain import checkpoints
from mock_server.domain.paths import CheckpointPath, kind_of

router = APIRouter(prefix=PREFIX, tags=["checkpoints"], route_class=JsonRoute)

ONE = "/training_runs/{run_id}/checkpoints/{kind}/{name}"


@router.get("/checkpoints")
async def list_user_checkpoints(call: TenantCall, limit: Limit = 100, offset: Offset = 0) -> Response:
    """All checkpoints of the tenant, newest first."""
    external = forms_of(call.request).external
    found, total = await call.read(checkpoints.page, limit=limit, offset=offset, external=external)
    return json_response(
        {
            "checkpoints": [checkpoint(row) for row in found],
            "cursor": cursor(offset=offset, limit=limit, total=total),
        }
    )


@router.get("/models/{run_id}/checkpoints")
@router.get("/training_runs/{run_id}/checkpoints")
async def list_checkpoints(
    run_id: str, call: TenantCall, limit: UnlimitedLimit | None = None, offset: Offset = 0
) -> Response:
    """A run's checkpoints, newest first: all of them unless a limit is given. SDKs before 0.6 ask below `models`."""
    external = forms_of(call.request).external
    found, total = await call.read(checkpoints.of_run, run_id, limit=limit, offset=offset, external=external)
    return json_response(
        {
            "checkpoints": [checkpoint(row) for row in found],
            "cursor": cursor(offset=offset, limit=len(found) if limit is None else limit, total=total),
        }
    )


@router.get(ONE)
async def get_checkpoint(run_id: str, kind: str, name: str, call: TenantCall) -> Response:
    """One checkpoint, one's own or a published one."""
    path = CheckpointPath(run_id, kind_of(kind), name)
    return json_response(checkpoint(await call.read(checkpoints.readable, path)))


@router.delete(ONE, status_code=204)
async def delete_checkpoint(run_id: str, kind: str, name: str, call: TenantCall) -> Response:
    """Delete a checkpoint for good. 404 where this tenant owns none of that name."""
    await call.write(checkpoints.delete, CheckpointPath(run_id, kind_of(kind), name))
    return no_content()


@router.post(f"{ONE}/publish", status_code=204)
async def publish_checkpoint(run_id: str, kind: str, name: str, call: TenantCall) -> Response:
    """Let everybody read it. Publishing what is public changes nothing: the SDK would retry a 409 for minutes."""
    await call.write(checkpoints.set_public, CheckpointPath(run_id, kind_of(kind), name), public=True)
    return no_content()


@router.delete(f"{ONE}/publish", status_code=204)
async def unpublish_checkpoint(run_id: str, kind: str, name: str, call: TenantCall) -> Response:
    """Keep it to its owner again."""
    await call.write(checkpoints.set_public, CheckpointPath(run_id, kind_of(kind), name), public=False)
    return no_content()


@router.put(f"{ONE}/ttl", status_code=204)
async def set_checkpoint_ttl(run_id: str, kind: str, name: str, body: SetTtl, call: TenantCall) -> Response:
    """Let it expire so many seconds from now; null: never."""
    checkpoints.check_ttl(body.ttl_seconds, call.settings.min_ttl_seconds)
    await call.write(checkpoints.set_ttl, CheckpointPath(run_id, kind_of(kind), name), body.ttl_seconds)
    return no_content()
