"""Training runs, as their owner lists and looks at them."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from mock_server.api.call import TenantCall
from mock_server.api.json_route import JsonRoute
from mock_server.api.tinker.answers import cursor, json_response, training_run
from mock_server.api.tinker.prefix import PREFIX
from mock_server.domain import training_runs

router = APIRouter(prefix=PREFIX, tags=["training runs"], route_class=JsonRoute)

Limit = Annotated[int, Query(ge=0, le=1000)]
Offset = Annotated[int, Query(ge=0, lt=2**62)]


@router.get("/training_runs")
async def list_training_runs(
    call: TenantCall, limit: Limit = 20, offset: Offset = 0, project_id: str | None = None
) -> Response:
    """Runs, newest first."""
    found, total = await call.read(training_runs.page, project_id=project_id, limit=limit, offset=offset)
    return json_response(
        {
            "training_runs": [training_run(summary) for summary in found],
            "cursor": cursor(offset=offset, limit=limit, total=total),
        }
    )


@router.get("/training_runs/{run_id}")
async def get_training_run(run_id: str, call: TenantCall) -> Response:
    """One run with its newest checkpoints."""
    return json_response(training_run(await call.read(training_runs.summary, run_id)))
