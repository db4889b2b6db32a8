"""Seed data: listed, and given to tenants."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Self

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from mock_server.api.admin.administrator import PREFIX, administrator
from mock_server.api.admin.whose import one_tenant
from mock_server.domain.errors import Invalid, NotFound
from mock_server.seeding import InvalidSeedData, Sown, UnknownSeedData, catalogue
from mock_server.worlds import Worlds

router = APIRouter(prefix=PREFIX, dependencies=[Depends(administrator)], tags=["seed data"])


class SeedShown(BaseModel):
    """Seed data that have a name."""

    name: str
    description: str
    data: dict[str, Any] = Field(description="What is made: an example of what can be given in place of a name.")


class Seeds(BaseModel):
    """All that have a name."""

    seeds: list[SeedShown]


class SownShown(BaseModel):
    """What was made, in the order of its making."""

    sessions: list[str] = Field(description="Ids.")
    runs: list[str] = Field(description="Ids.")
    checkpoints: list[str] = Field(description="Paths, tinker://…")
    samplers: list[str] = Field(description="Ids.")

    @classmethod
    def of(cls, sown: Sown) -> Self:
        return cls(**asdict(sown))


class Sow(BaseModel):
    """Whose, and which."""

    model_config = ConfigDict(extra="forbid")

    api_key: str
    seed: str | dict[str, Any] = Field(description="The name of seed data, or the data themselves.")


@router.get("/seeds")
async def list_seeds() -> Seeds:
    """The seed data that have a name."""
    return Seeds(
        seeds=[
            SeedShown(
                name=name,
                description=each.description,
                data=each.model_dump(exclude_defaults=True, exclude={"description"}),
            )
            for name, each in catalogue().items()
        ]
    )


@router.post("/seeds", status_code=201)
async def sow(body: Sow, request: Request) -> SownShown:
    """Give a tenant seed data, beside what it has. Ids and numbers are the same for the same tenant and history."""
    worlds: Worlds = request.app.state.worlds
    with refused():
        return SownShown.of(await worlds.sow(one_tenant(body.api_key), body.seed))


@contextmanager
def refused() -> Iterator[None]:
    """Translate what is wrong with seed data."""
    try:
        yield
    except UnknownSeedData as error:
        raise NotFound(str(error)) from error
    except InvalidSeedData as error:
        raise Invalid(str(error)) from error
