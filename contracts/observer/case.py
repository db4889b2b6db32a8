"""What a check is given, and how it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from contracts.verdicts import CHECKS, Check, Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from contracts.exchange import Exchange, Response
    from contracts.observer.facts import Facts
    from contracts.observer.history import History
    from contracts.observer.spec import Spec


@dataclass(frozen=True, slots=True)
class Case:
    """One exchange to be judged, with all before it."""

    facts: Facts
    history: History
    spec: Spec

    @property
    def exchange(self) -> Exchange:
        return self.facts.exchange

    @property
    def signed(self) -> bool:
        """Whether the request goes to an address that was handed out, or looks like one: it speaks for itself."""
        request = self.facts.request
        if not request.query:
            return False
        return "signature=" in request.query.lower() or f"{request.path}?{request.query}" in self.history.signed

    @property
    def response(self) -> Response:
        """The answer. Only checks that are `of_answers` may ask: for them there is one."""
        assert self.facts.exchange.response is not None
        return self.facts.exchange.response


@dataclass(frozen=True, slots=True)
class Broken:
    """What was seen that must not be, and the earlier exchange that shows it."""

    evidence: str
    earlier: Exchange | None = None


Found = Broken | str | None
"""None: the check has nothing to say of this exchange. Text: what is wrong; empty where all is well."""
HOLDS: Final = ""


def unless(holds: bool, evidence: str, earlier: Exchange | None = None) -> Found:
    """The answer of a check that comes down to one condition."""
    return HOLDS if holds else Broken(evidence, earlier)


@dataclass(frozen=True, slots=True)
class Rule:
    """A check of the observer: which exchanges it speaks of, and its function."""

    id: str
    operations: Collection[str] | None
    of_answers: bool
    function: Callable[[Case], Found]
    passed: Finding


RULES: Final[list[Rule]] = []


def observed(
    id: str,  # noqa: A002 - its name everywhere
    requirement: str,
    *,
    on: Collection[str] | None = None,
    of_answers: bool = False,
) -> Callable[[Callable[[Case], Found]], Callable[[Case], Found]]:
    """Register a check of the observer; the first line of its docstring is its title.

    on: the operations that it speaks of, all where None. of_answers: it needs an answer.
    """

    def register(function: Callable[[Case], Found]) -> Callable[[Case], Found]:
        title = (function.__doc__ or "").strip().split("\n")[0]
        CHECKS.register(Check(id, requirement, "observer", title, function))
        RULES.append(Rule(id, on, of_answers, function, Finding(id, passed=True)))
        return function

    return register
