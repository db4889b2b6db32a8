"""Dials: when results may be seen, turned while the server runs; and results that they hold back."""

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from mock_server.api.admin.administrator import PREFIX, administrator
from mock_server.api.admin.whose import KeyQuery, tenant_named
from mock_server.api.tinker.answers import no_content
from mock_server.domain.dials import OPERATION_KINDS, Dial
from mock_server.domain.errors import Invalid, NotFound
from mock_server.faults.problems import unknown
from mock_server.runtime import Runtime

router = APIRouter(prefix=PREFIX, dependencies=[Depends(administrator)], tags=["dials"])


class DialSetting(BaseModel):
    """One dial."""

    model_config = ConfigDict(extra="forbid")

    dial: str = Field(
        description="`immediate`, `after:<seconds>`, `polls:<n>`, `manual` or `never`, perhaps with what clients are "
        "told meanwhile: `after:5/paused_capacity/no GPU is free`."
    )
    api_key: str | None = Field(default=None, description="Whose; absent: everybody's who has none of their own.")


class DialsShown(BaseModel):
    """What counts, by kind of operation."""

    dials: dict[str, str]


@router.get("/dials")
async def get_dials(request: Request, api_key: KeyQuery = None) -> DialsShown:
    """What counts for a tenant, or for all who have no dials of their own."""
    dials, tenant = _runtime(request).dials, tenant_named(api_key)
    return DialsShown(dials={kind: str(dials.of(tenant, kind)) for kind in OPERATION_KINDS})


@router.put("/dials/{kind}")
async def turn_dial(kind: str, body: DialSetting, request: Request) -> DialsShown:
    """Turn the dial of a kind of operation. Counts at once, also for operations that have ended and were not told."""
    if kind not in OPERATION_KINDS:
        raise NotFound(f"kind of operation {unknown(kind, OPERATION_KINDS)}")
    try:
        dial = Dial.parse(body.dial)
    except ValueError as error:
        raise Invalid(f"dial: {error}") from error
    runtime = _runtime(request)
    runtime.dials.turn(tenant_named(body.api_key), kind, dial)
    runtime.board.turned()
    return await get_dials(request, body.api_key)


@router.delete("/dials")
async def reset_dials(request: Request, api_key: KeyQuery = None) -> DialsShown:
    """Turn a tenant's dials back to those of all; without an api_key all dials to what they were at the start."""
    runtime = _runtime(request)
    runtime.dials.forget(tenant_named(api_key))
    runtime.board.turned()
    return await get_dials(request, api_key)


@router.post("/operations/{request_id}/release", status_code=204)
async def release_operation(request_id: str, request: Request) -> Response:
    """Tell the result of a finished operation that a `manual` or `never` dial holds back."""
    _runtime(request).board.release(request_id)
    return no_content()


def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime
