"""A fault rule: where it strikes, when, and what it does, as scenario files and the control plane write it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    ValidationError,
    model_validator,
)

from mock_server.faults import effects
from mock_server.faults.problems import Misplaced, problems, unknown
from mock_server.faults.registry import EFFECTS, Effect, Phase

assert effects.__all__  # importing them registered them


class InvalidFault(ValueError):
    """What is wrong with a rule: the field, the value, and what to give instead."""


def _several(given: object) -> object:
    return [given] if isinstance(given, str | int) else given


Words = Annotated[list[str], BeforeValidator(_several, json_schema_input_type=str | list[str])]
"""One or several, as are Numbers."""
Numbers = Annotated[list[int], BeforeValidator(_several, json_schema_input_type=int | list[int])]


def _sensible_effect(given: object) -> object:
    if not isinstance(given, dict | str):
        raise ValueError("give the effect's name, or {name: {parameter: value}}")  # noqa: TRY004 - pydantic's way
    _effect(given)
    return given


def _numbers(given: list[int]) -> list[int]:
    if any(number < 1 for number in given):
        raise ValueError("calls are counted from 1")
    return given


class FaultRule(BaseModel):
    """Strikes the calls that all given places match, those of them that `on`, `first`, `every` or `probability` name.

    Without one of these it strikes every matching call. Calls are counted from 1, retries included.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    operation: Words | None = None
    session: str | None = None
    run: str | None = None
    sampler: str | None = None
    seq_id: Numbers | None = None

    on: Annotated[Numbers, AfterValidator(_numbers)] | None = None
    first: PositiveInt | None = None
    every: PositiveInt | None = None
    probability: float | None = Field(default=None, gt=0, le=1)

    phase: Phase
    effect: Annotated[dict[str, Any] | str, BeforeValidator(_sensible_effect)]
    silent: bool = False

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Self:
        """The rule of a JSON object. Raises InvalidFault."""
        try:
            return cls(**given)
        except ValidationError as invalid:
            raise InvalidFault("; ".join(map(str, problems(invalid)))) from invalid

    @property
    def acts(self) -> Effect:
        """The effect, with its parameters."""
        return _effect(self.effect)

    @property
    def looks_into_bodies(self) -> bool:
        """Whether it must know what a request says of itself."""
        return any(place is not None for place in (self.session, self.run, self.sampler, self.seq_id))

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        effect = _effect(self.effect)
        if self.phase not in effect.phases:
            raise ValueError(
                f"effect {effect.name} has no phase {self.phase}: give {' or '.join(sorted(effect.phases))}"
            )
        counts = [name for name in ("on", "first", "every", "probability") if getattr(self, name) is not None]
        if len(counts) > 1:
            raise ValueError(f"{' and '.join(counts)} exclude each other: give one of them")
        return self

    def strikes(self, occurrence: int, draw: float) -> bool:
        """Whether the matching call of this number (from 1) is struck. draw: uniform in [0, 1), of this call."""
        if self.on is not None:
            return occurrence in self.on
        if self.first is not None:
            return occurrence <= self.first
        if self.every is not None:
            return occurrence % self.every == 0
        return self.probability is None or draw < self.probability


def _effect(given: dict[str, Any] | str) -> Effect:
    """`reset`, `{reset: true}` or `{status: {status: 503}}`."""
    named = {given: {}} if isinstance(given, str) else given
    if len(named) != 1:
        raise ValueError("effect must be one name with its parameters, such as {status: {status: 503}}")
    name, parameters = next(iter(named.items()))
    if name not in EFFECTS:
        raise ValueError(unknown(name, EFFECTS))
    try:
        return EFFECTS[name].model_validate({} if parameters in (True, None) else parameters)
    except ValidationError as invalid:
        raise Misplaced((name,), invalid) from invalid
