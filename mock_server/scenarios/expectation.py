"""What a scenario expects: of what crosses the wire, of the state at the end, and of the client."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mock_server.journal import Count, Expectation

TOLD: Final = "told"
"""An amount that the client was told of: what it believes, which must be what is."""
_AMOUNTS: Final = f"give a number, {{at_least: n, at_most: n}}, or {TOLD}"


class Amount(Count):
    """So many: a number, bounds, or as many as the client was told of."""

    told: bool = False

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        bounded = self.at_least is not None or self.at_most is not None
        if [self.exactly is not None, bounded, self.told].count(True) != 1:
            raise ValueError(_AMOUNTS)
        return self

    def __str__(self) -> str:
        if self.told:
            return "as many as the client was told of"
        return super().__str__() if self.exactly is None else str(self.exactly)

    def admits(self, number: int, told: int = 0) -> bool:
        """The same. told: how many the client was told of."""
        return number == told if self.told else super().admits(number)


def _amount(given: object) -> object:
    if given == TOLD:
        return {"told": True}
    if isinstance(given, int) and not isinstance(given, bool):
        return {"exactly": given}
    if not isinstance(given, dict | Amount):
        raise ValueError(_AMOUNTS)  # noqa: TRY004 - pydantic's way
    return given


Several = Annotated[Amount, BeforeValidator(_amount, json_schema_input_type=int | Literal["told"] | Amount)]


class OnTheWire(Expectation):
    """A check of the contract, or exchanges as expectations of the journal describe them.

    check: it held in every exchange in which it had a say, and had a say in `count` of them.
    fails: it is meant to find something: it failed in `count` of them.

    distinct: `count` is that of the different values which the exchanges' requests have, of a seq_id, an idempotency
    key, a run or a batch (their content without run and number). again: that of the requests which say what one before
    them said under another number.
    """

    check: str | None = None
    fails: bool = False
    distinct: Literal["seq_id", "idempotency_key", "run", "batch"] | None = None
    again: bool = False

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        of_checks, given = {"check", "fails"}, self.model_fields_set - {"name", "count"}
        if self.check is None and "fails" in given:
            raise ValueError("fails belongs to a check: give its id")
        if self.check is not None and (strange := sorted(given - of_checks)):
            raise ValueError(f"{strange[0]} does not belong to a check: leave one of the two out")
        if self.check is None and not self.conditions():
            raise ValueError("it expects nothing: give a check, or what is to be true of exchanges")
        if self.again and self.distinct:
            raise ValueError("distinct and again exclude each other: give one of them")
        return self

    def __str__(self) -> str:
        if self.check is not None:
            return f"{self.count}: {self.check} {'fails' if self.fails else 'holds'}"
        if self.distinct is not None:
            return f"{super().__str__()}, with different values of {self.distinct}"
        return f"{super().__str__()}{', said before under another number' if self.again else ''}"


class InTheState(BaseModel):
    """What the server holds at the end: of one run, of one checkpoint, or in all.

    run, checkpoint: `$first`, `$last`, `$2` by the order in which they were made, `$each`, or an id, of a checkpoint
    its name. optimizer_steps of a run: that were taken; of a checkpoint: that its weights hold. named: that these are
    the last number in its name. exists: whether there is such a checkpoint.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: str | None = None
    checkpoint: str | None = None
    optimizer_steps: Several | None = None
    named: bool = False
    corrupted: bool | None = None
    exists: bool | None = None
    runs: Several | None = None
    sessions: Several | None = None
    samplers: Several | None = None
    checkpoints: Several | None = None
    unfinished: Several | None = None

    @model_validator(mode="after")
    def _of_one_thing(self) -> Self:
        if self.run is not None and self.checkpoint is not None:
            raise ValueError("run and checkpoint exclude each other: give one of them")
        kind = "run" if self.run is not None else "checkpoint" if self.checkpoint is not None else "total"
        given = self.model_fields_set - {"run", "checkpoint"}
        if not given:
            raise ValueError(f"it expects nothing: give one of {', '.join(sorted(_FIELDS[kind]))}")
        if strange := sorted(given - _FIELDS[kind]):
            raise ValueError(f"{strange[0]} is nothing of a {kind}: give one of {', '.join(sorted(_FIELDS[kind]))}")
        return self

    def __str__(self) -> str:
        of = f"run {self.run}: " if self.run else f"checkpoint {self.checkpoint}: " if self.checkpoint else ""
        wanted = self.model_dump(include=self.model_fields_set - {"run", "checkpoint"})
        return of + ", ".join(f"{name} {getattr(self, name)}" for name in wanted)


_FIELDS: Final = {
    "run": {"optimizer_steps", "corrupted", "checkpoints"},
    "checkpoint": {"optimizer_steps", "named", "exists"},
    "total": {"runs", "sessions", "samplers", "checkpoints", "unfinished"},
}


class OfTheClient(BaseModel):
    """How the client's program ends: `completes` with success, `reports` what happened and fails, or `ends` either way.

    says: texts that its output holds, whatever their case.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    outcome: Literal["completes", "reports", "ends"] = "completes"
    says: list[str] = Field(default_factory=list)

    def __str__(self) -> str:
        return self.outcome + "".join(f", says {text!r}" for text in self.says)


class Expected(BaseModel):
    """Every MUST of a client is expected beside these, unless one of its checks is said to fail."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    wire: list[OnTheWire] = Field(default_factory=list)
    state: list[InTheState] = Field(default_factory=list)
    client: OfTheClient = OfTheClient()
