"""Seed data: what a tenant has before its client comes, written down as what is to be made."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator

from mock_server.faults.problems import problems, unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

_WHAT = ("train", "save", "save_for_sampler", "publish")


class InvalidSeedData(ValueError):
    """What is wrong with seed data: the field, the value, and what to give instead."""


class UnknownSeedData(InvalidSeedData):
    """There is none of that name; the message says which there is."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Action(_Part):
    """One thing that was done with a run: `train` so many steps, `save` a training checkpoint or `save_for_sampler` a
    sampler's under a name, `publish` one of its checkpoints.

    save_each: a training checkpoint after each of the steps, called so with the step's number behind it (`step-01`).
    ttl_seconds: how long what is saved lives.
    """

    train: PositiveInt | None = None
    save_each: str | None = None
    save: str | None = None
    save_for_sampler: str | None = None
    ttl_seconds: PositiveInt | None = None
    publish: str | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        given = [name for name in _WHAT if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give one of {', '.join(_WHAT)}")
        if self.save_each is not None and self.train is None:
            raise ValueError("save_each belongs to train")
        if self.ttl_seconds is not None and self.save is None and self.save_for_sampler is None:
            raise ValueError("ttl_seconds belongs to save or save_for_sampler")
        return self


class SeedRun(_Part):
    """A training run, and what was done with it, one thing after another."""

    base_model: str = "Qwen/Qwen3-8B"
    rank: PositiveInt = 4
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 7
    user_metadata: dict[str, Any] = Field(default_factory=dict)
    do: list[Action] = Field(default_factory=list)


class SeedSampler(_Part):
    """A sampler of a base model, or `of` the sampler weights or the checkpoint of that name in the session."""

    base_model: str | None = None
    of: str | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.base_model is None) == (self.of is None):
            raise ValueError("give either base_model or of")
        return self


class SeedSession(_Part):
    """A session, and what was made in it."""

    tags: list[str] = Field(default_factory=list)
    user_metadata: dict[str, Any] = Field(default_factory=dict)
    project_id: str | None = None
    runs: list[SeedRun] = Field(default_factory=list)
    samplers: list[SeedSampler] = Field(default_factory=list)


class SeedData(_Part):
    """What a tenant has. description: one sentence."""

    description: str = ""
    sessions: list[SeedSession] = Field(min_length=1)


def seed_data(given: str | Mapping[str, Any]) -> SeedData:
    """The seed data of a name, or those that are given. Raises InvalidSeedData."""
    if isinstance(given, str):
        if given not in catalogue():
            raise UnknownSeedData(f"seed data {unknown(given, catalogue())}")
        return catalogue()[given]
    try:
        return SeedData.model_validate(given)
    except ValidationError as invalid:
        raise InvalidSeedData("; ".join(f"seed_data.{problem}" for problem in problems(invalid))) from invalid


@cache
def catalogue() -> dict[str, SeedData]:
    """All seed data that have a name."""
    import yaml  # noqa: PLC0415 - only who sows reads it

    text = Path(__file__).with_name("seeds.yaml").read_text("utf-8")
    return {name: SeedData.model_validate(each) for name, each in yaml.safe_load(text).items()}
