"""Faults: activated, listed with what they have struck, and lifted."""

from typing import Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from mock_server.api.admin.administrator import PREFIX, administrator
from mock_server.api.admin.whose import KeyQuery, tenant_named
from mock_server.api.tinker.answers import json_response, no_content
from mock_server.domain.errors import Invalid, NotFound
from mock_server.faults import ActiveRule, FaultPlan, FaultRule, InvalidFault

router = APIRouter(prefix=f"{PREFIX}/faults", dependencies=[Depends(administrator)], tags=["faults"])


class NewFault(BaseModel):
    """api_key: whose calls the rule concerns; absent: everybody's. seed: of its draws; absent: the server's."""

    model_config = ConfigDict(extra="forbid")

    rule: dict[str, Any]
    api_key: str | None = None
    seed: int | None = Field(default=None, ge=0, lt=2**63)


@router.get("")
async def list_faults(request: Request) -> Response:
    """The active faults, oldest first."""
    return json_response({"faults": [_described(each) for each in _plan(request).active]})


@router.post("", status_code=201)
async def add_fault(body: NewFault, request: Request) -> Response:
    """Activate a fault, behind those that are active."""
    try:
        rule = FaultRule.parse(body.rule)
    except InvalidFault as invalid:
        raise Invalid(f"rule.{invalid}") from invalid
    _known_operations(rule, request)
    active = _plan(request).add(rule, tenant_named(body.api_key), body.seed)
    return json_response(_described(active), 201)


@router.delete("", status_code=204)
async def clear_faults(request: Request, api_key: KeyQuery = None) -> Response:
    """Lift all faults, or only one tenant's."""
    _plan(request).clear(tenant_named(api_key))
    return no_content()


@router.delete("/{fault_id}", status_code=204)
async def remove_fault(fault_id: int, request: Request) -> Response:
    """Lift one fault."""
    if not _plan(request).remove(fault_id):
        raise NotFound(f"fault {fault_id} is not active: GET {PREFIX}/faults lists those that are")
    return no_content()


def _plan(request: Request) -> FaultPlan:
    plan: FaultPlan = request.app.state.faults
    return plan


def _known_operations(rule: FaultRule, request: Request) -> None:
    known: frozenset[str] = request.app.state.operations
    for operation in rule.operation or ():
        if operation not in known:
            raise Invalid(f"rule.operation {operation!r} is none of the API's: give one of {', '.join(sorted(known))}")


def _described(active: ActiveRule) -> dict[str, Any]:
    return {
        "id": active.id,
        "rule": active.rule.model_dump(exclude_defaults=True),
        "tenant": active.tenant,
        "calls": active.calls,
        "struck": active.struck,
        "missed": active.missed,
    }
