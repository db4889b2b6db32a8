"""The server itself: whether it is well, which version it is, who uses it."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from mock_server import __version__
from mock_server.api.admin.administrator import PREFIX, administrator
from mock_server.api.tinker.answers import timestamp
from mock_server.domain import oversight
from mock_server.faults import FaultPlan
from mock_server.journal import Journal
from mock_server.runtime import Runtime
from mock_server.settings import Settings

router = APIRouter(prefix=PREFIX, dependencies=[Depends(administrator)], tags=["server"])


class JournalSize(BaseModel):
    """What the journal holds of all tenants."""

    exchanges: int
    bytes: int = Field(description="Of memory.")


class Health(BaseModel):
    """How the server is, in numbers."""

    status: Literal["ok"]
    version: str
    seed: int = Field(description="The source of every id and random number.")
    observed: bool = Field(description="Whether every exchange is judged by the contract.")
    journal: JournalSize | None = Field(description="null: it keeps none.")
    faults: int = Field(description="Active ones.")
    operations: int = Field(description="In memory: under way, or ended of late.")


class Version(BaseModel):
    """Which server this is."""

    version: str


class TenantShown(BaseModel):
    """One API key, by the id that stands for it."""

    tenant: str = Field(description="Where the control plane takes an api_key, it takes this as well.")
    created_at: datetime
    sessions: int = Field(description="Ever made.")
    training_runs: int
    checkpoints: int
    key_deleted: bool = Field(description="Whether the key is refused, since its owner deleted it.")
    tokenizers: list[str] = Field(description="Repositories whose tokenizers our hub served to it.")


class Tenants(BaseModel):
    """Oldest first."""

    tenants: list[TenantShown]


@router.get("/health")
async def get_health(request: Request) -> Health:
    """Whether the server answers, and what it is busy with."""
    runtime: Runtime = request.app.state.runtime
    settings: Settings = request.app.state.settings
    faults: FaultPlan = request.app.state.faults
    journal: Journal | None = request.app.state.journal
    return Health(
        status="ok",
        version=__version__,
        seed=runtime.store.seed,
        observed=settings.observe,
        journal=None if journal is None else JournalSize(**journal.statistics()),
        faults=len(faults.active),
        operations=runtime.board.statistics()["live"],
    )


@router.get("/version")
async def get_version() -> Version:
    """The version of tinker-mock."""
    return Version(version=__version__)


@router.get("/tenants")
async def list_tenants(request: Request) -> Tenants:
    """Every tenant that has something."""
    runtime: Runtime = request.app.state.runtime
    found = await runtime.store.read(oversight.tenants)
    return Tenants(
        tenants=[
            TenantShown.model_validate(
                {
                    "tenant": row.id,
                    "created_at": timestamp(row.created_at),
                    "sessions": row.sessions,
                    "training_runs": row.training_runs,
                    "checkpoints": row.checkpoints,
                    "key_deleted": row.key_deleted_at is not None,
                    "tokenizers": row.hub_models,
                }
            )
            for row in found
        ]
    )
