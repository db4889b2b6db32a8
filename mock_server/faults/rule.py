"""A fault rule: where it strikes, when, and what it does, as scenario files and the control plane write it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

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

import mock_server.faults.effects  # noqa: F401 - importing them registers them
from mock_server.faults.problems import Misplaced, problems, unknown
from mock_server.faults.registry import EFFECTS, Effect, Phase
from mock_server.faults.scene import Corruption


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
    effect_of(given)
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

    operation: Words | None = Field(default=None, description="Operation ids of openapi.yaml.")
    session: str | None = Field(default=None, description="The session that the call is about.")
    run: str | None = Field(default=None, description="The training run (model) that it is about; of a poll, its run.")
    sampler: str | None = Field(default=None, description="The sampling session that it is about.")
    checkpoint: str | None = Field(default=None, description="The checkpoint: its tinker:// path, or its name alone.")
    seq_id: Numbers | None = Field(default=None, description="The request's number; of a poll, that of its operation.")
    polled: Words | None = Field(
        default=None, description="Of polls only: the kind of the operation whose result is asked for."
    )
    sdk_version: Words | None = Field(default=None, description="What the client says that its version is.")
    answered: Numbers | None = Field(
        default=None,
        description="The status of the true answer, such as 200. Only such calls count; in after_commit and in_body.",
    )

    on: Annotated[Numbers, AfterValidator(_numbers)] | None = Field(default=None, description="These calls.")
    first: PositiveInt | None = Field(default=None, description="So many calls from the beginning.")
    every: PositiveInt | None = Field(default=None, description="Each call whose number is a multiple of this.")
    probability: float | None = Field(default=None, gt=0, le=1, description="Each call, drawn by the seed.")

    phase: Phase = Field(description="At which point it acts.")
    when: Literal["before", "after"] = Field(
        default="after", description="In in_state only: before or after what the call asks for is executed."
    )
    effect: Annotated[dict[str, Any] | str, BeforeValidator(_sensible_effect)] = Field(
        description="One effect with its parameters."
    )
    silent: bool = Field(default=False, description="Answers do not tell of it in x-tinker-mock-fault.")

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
        return effect_of(self.effect)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        effect = effect_of(self.effect)
        if self.phase not in effect.phases:
            others = " or ".join(sorted(effect.phases))
            raise ValueError(f"effect {effect.name} has no phase {self.phase}: give {others}")
        counts = [name for name in ("on", "first", "every", "probability") if getattr(self, name) is not None]
        if len(counts) > 1:
            raise ValueError(f"{' and '.join(counts)} exclude each other: give one of them")
        if self.answered is not None and self.phase not in {"after_commit", "in_body"}:
            raise ValueError(f"answered is not known in {self.phase}: leave it out, or strike after_commit or in_body")
        idle = [name for name in self.operation or () if name not in SUBMITTING]
        if self.phase == "in_operation" and idle:
            raise ValueError(f"{idle[0]} submits no operation: give {' or '.join(SUBMITTING)}")
        if "when" in self.model_fields_set and self.phase != "in_state":
            raise ValueError(f"when is for phase in_state, not for {self.phase}: leave it out")
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


SUBMITTING: Final = (
    *("create_model", "forward", "forward_backward", "optim_step"),
    *("save_weights", "save_weights_for_sampler", "save_weights_external", "load_weights", "unload_model"),
    *("asample", "stream_sample"),
)
"""The calls behind which an operation is executed; all but samples change a run, in its turn."""


def corruption_of(given: dict[str, Any] | str) -> Corruption:
    """An effect on what is stored. Raises InvalidFault."""
    try:
        effect = effect_of(given)
    except Misplaced as misplaced:
        raise InvalidFault("; ".join(map(str, problems(misplaced.invalid, misplaced.place)))) from misplaced
    except ValueError as invalid:
        raise InvalidFault(str(invalid)) from invalid
    if not isinstance(effect, Corruption):
        raise InvalidFault(f"{effect.name} strikes calls, not what is stored: make it a rule")
    return effect


def effect_of(given: dict[str, Any] | str) -> Effect:
    """`reset`, `{reset: true}` or `{status: {status: 503}}`. Raises ValueError, of which pydantic's are."""
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
