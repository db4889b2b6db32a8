"""Training runs, as their owner lists and looks at them."""

from fastapi import APIRouter
from starlette.responses import Response

from mock_server.api.call import TenantCall
from mock_server.api.json_route import JsonRoute
from mock_server.api.tinker.answers import cursor, json_response, training_run
from mock_server.api.tinker.parameters import AccessScope, Limit, Offset
from mock_server.api.tinker.prefix import PREFIX
from mock_server.domain import training_runs

router = APIRouter(prefix=PREFIX, tags=["training runs"], route_class=JsonRoute)


@router.get("/training_runs")
async def list_training_runs(
    call: TenantCall,
    limit: Limit = 20,
    offset: Offset = 0,
    project_id: str | None = None,
    access_scope: AccessScope = "owned",
) -> Response:
    """Runs, newest first; `accessible`: also those of others that have published checkpoints."""
    accessible = access_scope == "accessible"
    found, total = await call.read(
        training_runs.page, project_id=project_id, limit=limit, offset=offset, accessible=accessible
    )
    return json_response(
        {
            "training_runs": [training_run(summary) for summary in found],
            "cursor": cursor(offset=offset, limit=limit, total=total),
        }
    )


@router.get("/training_runs/{run_id}")
async def get_training_run(run_id: str, call: TenantCall, access_scope: AccessScope = "owned") -> Response:
    """One run with its newest checkpoints."""
    accessible = access_scope == "accessible"
    return json_response(training_run(await call.read(training_runs.summary, run_id, accessible=accessible)))
