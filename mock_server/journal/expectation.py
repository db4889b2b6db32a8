"""What somebody expects of the exchanges in a journal: which there are, and how many of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, NonNegativeInt, ValidationError, model_validator

from mock_server.faults.problems import problems, unknown
from mock_server.faults.rule import Numbers, Words
from mock_server.journal.conditions import (
    Condition,
    answered_by,
    fault_of,
    fields_of,
    headers_of,
    number_of,
    operation_of,
    place_of,
)
from mock_server.journal.matcher import FieldMatcher, HeaderMatcher
from mock_server.journal.wanted import KNOWN_FAULTS, known_status

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


class InvalidExpectation(ValueError):
    """What is wrong with expectations: the field, the value, and what to give instead."""


class Count(BaseModel):
    """How many exchanges: at least one, where nothing else is said."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    exactly: NonNegativeInt | None = None
    at_least: NonNegativeInt | None = None
    at_most: NonNegativeInt | None = None

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.exactly is not None and (self.at_least is not None or self.at_most is not None):
            raise ValueError("exactly excludes at_least and at_most: give one or the others")
        return self

    @property
    def fewest(self) -> int:
        if self.exactly is not None:
            return self.exactly
        return self.at_least if self.at_least is not None else 0 if self.at_most is not None else 1

    @property
    def most(self) -> int | None:
        return self.exactly if self.exactly is not None else self.at_most

    def admits(self, number: int) -> bool:
        """Whether this many is what was expected."""
        return self.fewest <= number and (self.most is None or number <= self.most)

    def __str__(self) -> str:
        if self.exactly is not None:
            return f"exactly {self.exactly}"
        bounds = (("at least", self.at_least), ("at most", self.at_most))
        return " and ".join(f"{word} {bound}" for word, bound in bounds if bound is not None) or "at least 1"


def _count(given: object) -> object:
    return {"exactly": given} if isinstance(given, int) and not isinstance(given, bool) else given


def _answers(given: object) -> object:
    several = given if isinstance(given, list) else [given]
    for each in several:
        if not known_status(str(each)):
            raise ValueError(f"{each!r} is no answer: give a status, a class such as 4xx, or nothing")
    return [str(each) for each in several]


class Expectation(BaseModel):
    """`count` exchanges of which all is true that is given.

    operation, session, run, sampler, seq_id: what a request is for, by the words of fault rules. request, answer: the
    fields of their bodies, whether JSON or protobuf, by their paths (`adam_params.learning_rate`, `data.0`).
    headers, answer_headers: by name; true and false say whether there is one. answered: the status, a class such as
    `5xx`, or `nothing` where the client never got all of an answer. fault: the name of one that struck, or `any`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str | None = Field(default=None, description="What reports call it.")
    operation: Words | None = None
    session: str | None = None
    run: str | None = None
    sampler: str | None = None
    seq_id: Numbers | None = None
    request: dict[str, FieldMatcher] = Field(default_factory=dict)
    headers: dict[str, HeaderMatcher] = Field(default_factory=dict)
    answered: Annotated[
        list[str] | None, BeforeValidator(_answers, json_schema_input_type=int | str | list[int | str])
    ] = None
    answer: dict[str, FieldMatcher] = Field(default_factory=dict)
    answer_headers: dict[str, HeaderMatcher] = Field(default_factory=dict)
    fault: str | None = None
    count: Annotated[Count, BeforeValidator(_count, json_schema_input_type=int | Count)] = Count()

    def __str__(self) -> str:
        said = ", ".join(condition.text for condition in self.conditions())
        return f"{self.count}: {self.name or said or 'any exchange'}"

    def conditions(self) -> list[Condition]:
        """All that must be true of an exchange, what it is for first."""
        found: list[Condition] = []
        if self.operation is not None:
            found.append(operation_of(self.operation))
        places = (("session", self.session), ("run", self.run), ("sampler", self.sampler))
        found += [place_of(place, wanted) for place, wanted in places if wanted is not None]
        if self.seq_id is not None:
            found.append(number_of(self.seq_id))
        found += [fields_of("request", path, matcher) for path, matcher in self.request.items()]
        found += [headers_of("request", name, matcher) for name, matcher in self.headers.items()]
        if self.answered is not None:
            found.append(answered_by(self.answered))
        found += [fields_of("answer", path, matcher) for path, matcher in self.answer.items()]
        found += [headers_of("answer", name, matcher) for name, matcher in self.answer_headers.items()]
        if self.fault is not None:
            found.append(fault_of(self.fault))
        return found


def expectations_of(given: Sequence[Any]) -> list[Expectation]:
    """Expectations as files write them. InvalidExpectation for the first that can't be one."""
    found = []
    for index, each in enumerate(given):
        try:
            found.append(Expectation.model_validate(each))
        except ValidationError as invalid:
            raise InvalidExpectation("; ".join(map(str, problems(invalid, ("expectations", index))))) from invalid
    return found


def check_names(expectations: Sequence[Expectation], operations: Collection[str]) -> None:
    """InvalidExpectation for an operation or a fault that does not exist, which would never be met or always."""
    for index, expectation in enumerate(expectations):
        for operation in expectation.operation or ():
            if operation not in operations:
                raise InvalidExpectation(f"expectations.{index}.operation: {unknown(operation, operations)}")
        if expectation.fault is not None and expectation.fault not in KNOWN_FAULTS:
            raise InvalidExpectation(f"expectations.{index}.fault: {unknown(expectation.fault, KNOWN_FAULTS)}")
