"""Training runs as the server's state has them, whatever their clients believe."""

from datetime import datetime
from typing import Any, Self

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from mock_server.api.admin.administrator import PREFIX, administrator
from mock_server.api.admin.whose import KeyQuery, tenant_named
from mock_server.api.tinker.answers import timestamp
from mock_server.domain import oversight
from mock_server.domain.oversight import RunState
from mock_server.domain.paths import CheckpointPath, kind_of
from mock_server.runtime import Runtime
from mock_server.store.tables import Checkpoint

router = APIRouter(prefix=f"{PREFIX}/runs", dependencies=[Depends(administrator)], tags=["runs"])


class CheckpointShown(BaseModel):
    """One checkpoint of a run."""

    path: str = Field(description="tinker://…")
    kind: str
    name: str
    size_bytes: int
    public: bool
    created_at: datetime
    expires_at: datetime | None

    @classmethod
    def of(cls, row: Checkpoint) -> Self:
        return cls.model_validate(
            {
                "path": str(CheckpointPath(row.training_run_id, kind_of(row.kind), row.name)),
                "kind": row.kind,
                "name": row.name,
                "size_bytes": row.size_bytes,
                "public": row.public,
                "created_at": timestamp(row.created_at),
                "expires_at": None if row.expires_at is None else timestamp(row.expires_at),
            }
        )


class RunShown(BaseModel):
    """One run."""

    id: str
    tenant: str
    session_id: str
    base_model: str
    rank: int
    status: str = Field(description="creating, active, failed (its creation did not succeed) or unloaded.")
    corrupted: bool
    optimizer_steps: int = Field(description="Steps that its weights have behind them, those of a load included.")
    last_seq_id: int | None = Field(description="Highest seq_id of an operation that has ended.")
    operations: dict[str, int] = Field(description="How many operations it was asked for, by their state.")
    checkpoints: list[CheckpointShown] = Field(description="Oldest first, expired ones included.")

    @classmethod
    def of(cls, state: RunState) -> Self:
        row = state.run
        same: dict[str, Any] = {
            name: getattr(row, name)
            for name in ("id", "tenant", "session_id", "base_model", "rank", "status", "corrupted", "optimizer_steps")
        }
        return cls(
            **same,
            last_seq_id=state.last_seq_id,
            operations=state.operations,
            checkpoints=[CheckpointShown.of(each) for each in state.checkpoints],
        )


class Runs(BaseModel):
    """Oldest first."""

    runs: list[RunShown]


@router.get("")
async def list_runs(request: Request, api_key: KeyQuery = None) -> Runs:
    """A tenant's runs, or everybody's, when all that has ended so far is written down."""
    runtime: Runtime = request.app.state.runtime
    await runtime.settle()
    found = await runtime.store.read(oversight.runs, tenant_named(api_key))
    return Runs(runs=[RunShown.of(each) for each in found])


@router.get("/{run_id}")
async def get_run(run_id: str, request: Request) -> RunShown:
    """One run, whoever's it is."""
    runtime: Runtime = request.app.state.runtime
    await runtime.settle()
    return RunShown.of(await runtime.store.read(oversight.run, run_id))
