"""Corruptions: something that is stored goes wrong at once, without waiting for a call."""

from random import Random
from typing import Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from mock_server.api.admin.administrator import PREFIX, administrator
from mock_server.api.admin.whose import one_tenant
from mock_server.domain.errors import Invalid
from mock_server.faults import InvalidFault, Missed, Scene, corruption_of
from mock_server.faults.facts import Facts
from mock_server.runtime import Runtime

router = APIRouter(prefix=f"{PREFIX}/corruptions", dependencies=[Depends(administrator)], tags=["faults"])


class NewCorruption(BaseModel):
    """effect: one of phase in_state, naming what it acts on: {flip_bit: {checkpoint: $last}}."""

    model_config = ConfigDict(extra="forbid")

    effect: dict[str, Any] | str
    api_key: str = Field(description="Whose things it acts on: the tenant's key, or its id.")
    seed: int = Field(default=0, ge=0, lt=2**63, description="Of what it draws.")


class Corrupted(BaseModel):
    """What was done."""

    effect: str
    tenant: str


@router.post("")
async def corrupt(body: NewCorruption, request: Request) -> Corrupted:
    """Corrupt what is stored; when this is answered, it is done."""
    try:
        effect = corruption_of(body.effect)
    except InvalidFault as invalid:
        raise Invalid(f"effect: {invalid}") from invalid
    tenant = one_tenant(body.api_key)
    runtime: Runtime = request.app.state.runtime
    scene = Scene(runtime, tenant, Facts(), Random(body.seed))  # noqa: S311 - a replay must draw the same
    try:
        await effect.corrupt(scene)
    except Missed as missed:
        raise Invalid(f"effect {effect.name}: {missed}") from missed
    return Corrupted(effect=effect.name, tenant=tenant)
