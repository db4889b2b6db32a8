"""Reset: a tenant begins anew."""

from typing import Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from mock_server.api.admin.administrator import PREFIX, administrator
from mock_server.api.admin.seeds import SownShown, refused
from mock_server.api.admin.whose import one_tenant
from mock_server.scenarios import Stage
from mock_server.worlds import Worlds

router = APIRouter(prefix=PREFIX, dependencies=[Depends(administrator)], tags=["reset"])


class Reset(BaseModel):
    """Whose, and to what."""

    model_config = ConfigDict(extra="forbid")

    api_key: str
    to: Literal["seed", "empty", "snapshot"] = Field(
        default="seed",
        description="seed: the seed data that the tenant was last given, or those of `seed`; nothing where there are "
        "none. empty: nothing. snapshot: what the snapshot holds.",
    )
    seed: str | dict[str, Any] | None = Field(default=None, description="The name of seed data, or the data.")
    snapshot: str | None = Field(default=None, description="The name of a snapshot of this tenant.")


@router.post("/reset")
async def reset(body: Reset, request: Request) -> SownShown:
    """Let a tenant begin anew: what it has goes, and so do its faults, scenario, dials, journal and clock.

    Snapshots stay, and a scenario that it chooses by its key or a header begins again with its next request.

    A snapshot has times of the clock that the tenant went by, so that stays where one is gone back to. For when none of
    its clients is at work: requests that come meanwhile wait. Answers with the seed data that were made.
    """
    worlds: Worlds = request.app.state.worlds
    stage: Stage = request.app.state.stage
    tenant = one_tenant(body.api_key)
    with refused():
        sown = await worlds.reset(tenant, body.to, seed=body.seed, snapshot=body.snapshot)
    await stage.forget(tenant)
    return SownShown.of(sown)
