"""Snapshots: saved, listed, restored, deleted."""

from datetime import datetime
from typing import Self

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from mock_server.api.admin.administrator import PREFIX, administrator
from mock_server.api.admin.whose import OneKeyQuery, one_tenant
from mock_server.api.tinker.answers import no_content, timestamp
from mock_server.store import Snapshot, Unreadable
from mock_server.worlds import Worlds

router = APIRouter(prefix=f"{PREFIX}/snapshots", dependencies=[Depends(administrator)], tags=["snapshots"])


class Save(BaseModel):
    """Whose, and under which name."""

    model_config = ConfigDict(extra="forbid")

    api_key: str
    name: str
    overwrite: bool = Field(default=False, description="Whether one of that name may be replaced.")


class Restore(BaseModel):
    """Whose."""

    model_config = ConfigDict(extra="forbid")

    api_key: str


class SnapshotShown(BaseModel):
    """One snapshot."""

    name: str
    created_at: datetime = Field(description="By the machine's clock.")
    written_by: str = Field(description="The version of tinker-mock.")
    format: int
    rows: int
    artifacts: int

    @classmethod
    def of(cls, made: Snapshot) -> Self:
        same = {name: getattr(made, name) for name in ("name", "written_by", "format", "rows", "artifacts")}
        return cls.model_validate({**same, "created_at": timestamp(made.created_at)})


class UnusableSnapshot(BaseModel):
    """One that this server can't use, such as one of a newer version."""

    name: str
    problem: str


class SnapshotList(BaseModel):
    """A tenant's, oldest first."""

    snapshots: list[SnapshotShown]
    unusable: list[UnusableSnapshot]


@router.get("")
async def list_snapshots(api_key: OneKeyQuery, request: Request) -> SnapshotList:
    """A tenant's snapshots."""
    found = _worlds(request).snapshots(one_tenant(api_key))
    return SnapshotList(
        snapshots=[SnapshotShown.of(each) for each in found if isinstance(each, Snapshot)],
        unusable=[UnusableSnapshot(name=each.name, problem=each.why) for each in found if isinstance(each, Unreadable)],
    )


@router.post("", status_code=201)
async def save_snapshot(body: Save, request: Request) -> SnapshotShown:
    """Keep all that a tenant has at this moment in a file below the data directory. What is unfinished is part of it.

    Journal, faults, dials and clock are not. 409 where the name is taken.
    """
    worlds = _worlds(request)
    return SnapshotShown.of(await worlds.save(one_tenant(body.api_key), body.name, overwrite=body.overwrite))


@router.post("/{name}/restore")
async def restore_snapshot(name: str, body: Restore, request: Request) -> SnapshotShown:
    """Exchange all that a tenant has for what it had then; work that was unfinished then is taken up.

    A snapshot of a newer version, or of other tables than this server has, is refused.
    """
    return SnapshotShown.of(await _worlds(request).restore(one_tenant(body.api_key), name))


@router.delete("/{name}", status_code=204)
async def delete_snapshot(name: str, api_key: OneKeyQuery, request: Request) -> Response:
    """Delete a snapshot."""
    _worlds(request).delete(one_tenant(api_key), name)
    return no_content()


def _worlds(request: Request) -> Worlds:
    worlds: Worlds = request.app.state.worlds
    return worlds
