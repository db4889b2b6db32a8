"""Clocks: what a tenant's shows, of which kind it is, and its moving on."""

from datetime import datetime
from typing import Annotated, Final, Self

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mock_server.api.admin.administrator import PREFIX, administrator
from mock_server.api.admin.whose import KeyQuery, tenant_named
from mock_server.domain.clocks import EVERYBODY
from mock_server.runtime import Clocks, Runtime
from mock_server.runtime.clocks import shown
from mock_server.runtime.timeline import Mode, Timeline

router = APIRouter(prefix=f"{PREFIX}/clock", dependencies=[Depends(administrator)], tags=["clock"])

_FORMS: Final = "give seconds since the epoch, or a time with its zone such as 2026-07-28T12:00:00Z"
_WHOSE: Final = "API key of the tenant whose clock it is, or its id. Absent: that of all who have none of their own."


def _moment(given: object) -> object:
    """Seconds since the epoch of a number or of a date and time in ISO 8601."""
    if isinstance(given, str):
        try:
            moment = datetime.fromisoformat(given)
        except ValueError:
            raise ValueError(f"is no time: {_FORMS}") from None
        if moment.tzinfo is None:
            raise ValueError(f"has no zone: {_FORMS}")
        return moment.timestamp()
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise ValueError(f"is no time: {_FORMS}")  # noqa: TRY004 - pydantic tells the client of ValueErrors
    return given


Moment = Annotated[
    float, BeforeValidator(_moment, json_schema_input_type=float | str), Field(ge=0, allow_inf_nan=False)
]


class ClockSetting(BaseModel):
    """What a clock is to be, or to show."""

    model_config = ConfigDict(extra="forbid")

    mode: Mode | None = Field(default=None, description="Absent: as it is.")
    now: Moment | None = Field(default=None, description=f"No earlier time than it shows; {_FORMS}.")
    api_key: str | None = Field(default=None, description=_WHOSE)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.mode is None and self.now is None:
            raise ValueError("mode and now are both absent: give one of them")
        return self


class Advance(BaseModel):
    """How far to move a clock on: either `seconds` or `to`."""

    model_config = ConfigDict(extra="forbid")

    seconds: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    to: Moment | None = Field(default=None, description=f"No earlier time than it shows; {_FORMS}.")
    api_key: str | None = Field(default=None, description=_WHOSE)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.seconds is None) == (self.to is None):
            raise ValueError("give either seconds or to")
        return self


class ClockShown(BaseModel):
    """A clock at this moment."""

    mode: Mode
    now: float = Field(description="Seconds since the epoch, UTC.")
    time: str = Field(description="The same as a date and time.")
    waiting: int = Field(description="How many requests wait for it: long polls, and those under a fault.")
    next_due: float | None = Field(description="When something next happens by itself, in seconds since the epoch.")

    @classmethod
    def of(cls, line: Timeline) -> Self:
        now = line.now()
        return cls(mode=line.mode, now=now, time=shown(now), waiting=line.waiting, next_due=line.next_due())


@router.get("")
async def get_clock(request: Request, api_key: KeyQuery = None) -> ClockShown:
    """What a tenant's clock shows; without an api_key, that of all who have none of their own."""
    return ClockShown.of(_clocks(request).line_of(_whose(api_key)))


@router.put("")
async def set_clock(body: ClockSetting, request: Request) -> ClockShown:
    """Give a tenant a clock of this mode, or let it show a later time. Answers when all has happened that fell due."""
    clocks, tenant = _clocks(request), _whose(body.api_key)
    await clocks.set(tenant, body.mode, now=body.now)
    return ClockShown.of(clocks.line_of(tenant))


@router.post("/advance")
async def advance_clock(body: Advance, request: Request) -> ClockShown:
    """Move a clock on, of whatever mode. Answers when all has happened that fell due."""
    clocks, tenant = _clocks(request), _whose(body.api_key)
    await clocks.advance(tenant, seconds=body.seconds or 0.0, to=body.to)
    return ClockShown.of(clocks.line_of(tenant))


def _whose(api_key: str | None) -> str:
    return tenant_named(api_key) or EVERYBODY


def _clocks(request: Request) -> Clocks:
    runtime: Runtime = request.app.state.runtime
    return runtime.clocks
