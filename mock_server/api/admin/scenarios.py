"""Scenarios: begun for a tenant, listed with what they have struck, judged, ended."""

import asyncio
from typing import TYPE_CHECKING, Any, Literal, Self

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from mock_server.api.admin.administrator import PREFIX, administrator
from mock_server.api.admin.journal import journal_of
from mock_server.api.admin.whose import KeyQuery, OneKeyQuery, one_tenant, tenant_named
from mock_server.domain.errors import Invalid, NotFound
from mock_server.faults import ActiveRule
from mock_server.scenarios import InvalidScenario, Playing, Stage, UnknownScenario

if TYPE_CHECKING:
    from mock_server.scenarios.scenario import Scenario

router = APIRouter(prefix=f"{PREFIX}/scenarios", dependencies=[Depends(administrator)], tags=["scenarios"])


class NewScenario(BaseModel):
    """A scenario for a tenant."""

    model_config = ConfigDict(extra="forbid")

    scenario: str | dict[str, Any] = Field(description="Its id, or all of it as in a file.")
    api_key: str = Field(description="API key of the tenant, or its id.")
    seed: int | None = Field(default=None, ge=0, lt=2**63, description="Of its draws. Absent: the scenario's own.")


class FaultShown(BaseModel):
    """One of its faults."""

    id: int = Field(description="As `/__admin/faults` lists it.")
    effect: str
    calls: int = Field(description="How many matched.")
    struck: int

    @classmethod
    def of(cls, active: ActiveRule) -> Self:
        return cls(id=active.id, effect=active.effect.name, calls=active.calls, struck=active.struck)


class PlayingShown(BaseModel):
    """A scenario that a tenant plays."""

    scenario: str
    tenant: str
    chosen_by: Literal["command line", "control plane", "header", "API key"]
    seed: int
    since: int = Field(description="Number of the first of the tenant's requests that belong to it.")
    faults: list[FaultShown]

    @classmethod
    def of(cls, playing: Playing) -> Self:
        return cls(
            scenario=playing.scenario.id,
            tenant=playing.tenant,
            chosen_by=playing.chosen_by,
            seed=playing.seed,
            since=playing.since,
            faults=[FaultShown.of(each) for each in playing.rules],
        )


class AllPlaying(BaseModel):
    """In the order of their beginning."""

    scenarios: list[PlayingShown]


class ScenarioListed(BaseModel):
    """One that can be chosen."""

    id: str
    title: str
    incident: str | None
    source: list[str]
    requirements: list[str]


class Catalogue(BaseModel):
    """By the alphabet."""

    scenarios: list[ScenarioListed]


class PointShown(BaseModel):
    """One thing that was expected."""

    of: Literal["wire", "state", "client"] = Field(description="Where it was looked for.")
    kept: bool
    expected: str
    seen: str
    evidence: list[str]


class VerdictShown(BaseModel):
    """What came of a scenario so far."""

    kept: bool = Field(description="Whether all points are kept.")
    scenario: str
    points: list[PointShown]
    struck: list[int] = Field(description="How often each of its faults struck.")


@router.get("")
async def list_scenarios(request: Request, api_key: KeyQuery = None) -> AllPlaying:
    """What is being played, or what one tenant plays."""
    tenant = tenant_named(api_key)
    playing = [each for each in _stage(request).all if tenant in {None, each.tenant}]
    return AllPlaying(scenarios=[PlayingShown.of(each) for each in playing])


@router.get("/catalogue")
async def list_catalogue(request: Request) -> Catalogue:
    """All scenarios that can be chosen."""
    try:
        every = await asyncio.to_thread(lambda: list(_stage(request).library))
    except InvalidScenario as invalid:
        raise Invalid(str(invalid)) from invalid
    fields = set(ScenarioListed.model_fields)
    return Catalogue(scenarios=[ScenarioListed(**each.model_dump(include=fields)) for each in every])


@router.post("", status_code=201)
async def begin_scenario(body: NewScenario, request: Request) -> PlayingShown:
    """Begin a scenario for a tenant, from its beginning, in place of what it plays."""
    stage, tenant = _stage(request), one_tenant(body.api_key)
    try:
        chosen = await asyncio.to_thread(_chosen, stage, body.scenario)
        playing = await stage.enter(tenant, chosen, "control plane", body.seed)
    except UnknownScenario as unknown:
        raise NotFound(str(unknown)) from unknown
    except InvalidScenario as invalid:
        raise Invalid(f"scenario: {invalid}") from invalid
    return PlayingShown.of(playing)


@router.delete("")
async def end_scenario(request: Request, api_key: OneKeyQuery) -> PlayingShown:
    """End what a tenant plays: its faults are lifted, its client's flags are the server's, its time passes as all do.

    Answers what it was.
    """
    stage, tenant = _stage(request), one_tenant(api_key)
    playing = _played(stage, tenant)
    await stage.leave(tenant)
    return PlayingShown.of(playing)


@router.get("/verdict")
async def judge_scenario(request: Request, api_key: OneKeyQuery) -> VerdictShown:
    """Whether the tenant's client does what a good client does, so far: on the wire and in the state."""
    playing, journal = _played(_stage(request), one_tenant(api_key)), journal_of(request)
    from mock_server.scenarios.verdict.server import judge  # noqa: PLC0415 - brings the contract

    verdict = await judge(playing, request.app.state.runtime, journal)
    return VerdictShown.model_validate(verdict.as_json())


def _played(stage: Stage, tenant: str) -> Playing:
    playing = stage.of(tenant)
    if playing is None:
        raise NotFound(f"this tenant plays no scenario: GET {PREFIX}/scenarios lists who plays what")
    return playing


def _stage(request: Request) -> Stage:
    stage: Stage = request.app.state.stage
    return stage


def _chosen(stage: Stage, given: str | dict[str, Any]) -> "Scenario":
    if isinstance(given, str):
        return stage.library[given]
    from mock_server.scenarios.reading import scenario_of  # noqa: PLC0415 - brings YAML and the form of scenarios

    return scenario_of(given)
