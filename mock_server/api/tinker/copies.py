"""Copies of checkpoints, one's own or published ones."""

from fastapi import APIRouter
from starlette.responses import Response

from mock_server.api.call import TenantCall, tenant_of_credential
from mock_server.api.json_route import JsonRoute
from mock_server.api.tinker.answers import json_response
from mock_server.api.tinker.bodies import CopyWeights
from mock_server.api.tinker.prefix import PREFIX
from mock_server.domain import checkpoints, copies
from mock_server.domain.copies import NewCopy
from mock_server.domain.errors import Invalid

router = APIRouter(prefix=PREFIX, tags=["checkpoints"], route_class=JsonRoute)


@router.post("/copy_weights")
async def copy_weights(body: CopyWeights, call: TenantCall) -> Response:
    """Copy a checkpoint into a new training run of a session, or into a project. The file itself is shared.

    The SDK sends one key with all attempts at a copy, so that a lost answer makes no second one.
    """
    checkpoints.check_ttl(body.ttl_seconds, call.settings.min_ttl_seconds)
    if body.session_id is None and body.destination_project_id is None:
        raise Invalid("no destination: give destination_project_id, or session_id and model_seq_id")
    new = NewCopy(
        source=body.source_path,
        session_id=body.session_id,
        model_seq_id=body.model_seq_id,
        project_id=body.destination_project_id,
        ttl_seconds=body.ttl_seconds,
        reader=tenant_of_credential(call, call.request.headers.get("x-tinker-weights-access-token")),
    )
    path = await call.write(copies.copy, new, call.request.headers.get("x-idempotency-key"), call.runtime.store.seed)
    return json_response({"tinker_path": path, "type": "copy_weights"})
