"""A scenario: a documented incident as a small file, with what a good client does about it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mock_server.domain.client_flags import CONFIG_FLAGS, DYNAMIC_CONFIG_FLAGS, FlagValue, checked_flags
from mock_server.faults import FaultRule
from mock_server.faults.rule import Words
from mock_server.scenarios.expectation import Expected
from mock_server.seeding import seed_data

ID_PATTERN: Final = r"^[a-z0-9]+(-[a-z0-9]+)*$"


def _config_flags(given: dict[str, Any]) -> dict[str, FlagValue]:
    return checked_flags(given, CONFIG_FLAGS)


def _dynamic_flags(given: dict[str, Any]) -> dict[str, FlagValue]:
    return checked_flags(given, DYNAMIC_CONFIG_FLAGS)


def _sowable(given: str | dict[str, Any]) -> str | dict[str, Any]:
    seed_data(given)
    return given


class Given(BaseModel):
    """What is there before the client comes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed_data: Annotated[str | dict[str, Any], AfterValidator(_sowable)] | None = Field(
        default=None, description="The name of seed data, or the data themselves; without any, nothing is there."
    )


class Scenario(BaseModel):
    """One incident: what the server has and does, and what is expected of the client."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(
        pattern=ID_PATTERN,
        max_length=100,
        description="Words with hyphens between, the name of the file; API keys hold it.",
    )
    title: str = Field(min_length=1, description="What happens, in one sentence without a full stop.")
    incident: str | None = Field(
        default=None, pattern=r"^C\d\d$", description="Its number in the catalogue of incidents, where it has one."
    )
    source: Words = Field(
        min_length=1, description="Where it happened or is documented: an issue, a section of a wire document."
    )
    requirements: list[str] = Field(
        min_length=1, description="Ids of contracts/requirements.yaml that this is about, of clients or of servers."
    )
    happens: str = Field(min_length=1, description="What the server does.")
    good_client: str = Field(min_length=1, description="What a good client does about it.")
    seed: int = Field(default=0, ge=0, lt=2**63, description="The source of what is drawn: probabilities, garbage.")
    clock: Literal["real", "manual", "auto"] = Field(
        default="real",
        description="The tenant's clock: `real`, `manual` (moved by the control plane), "
        "or `auto` (jumps to what is due next).",
    )
    client_config: Annotated[dict[str, Any], AfterValidator(_config_flags)] = Field(
        default_factory=dict, description="Flags told to this client by `client/config`."
    )
    dynamic_config: Annotated[dict[str, Any], AfterValidator(_dynamic_flags)] = Field(
        default_factory=dict, description="Flags told to this client by `client/dynamic_config`."
    )
    given: Given = Given()
    faults: list[FaultRule] = Field(default_factory=list, description="What goes wrong, as rules of faults.")
    expect: Expected = Expected()
