"""Checks and what they found: one assertion each, with a name that a person understands in a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contracts.exchange import Exchange

Kind = Literal["observer", "shape", "vectors", "behaviour", "security"]


@dataclass(frozen=True)
class Check:
    """A named assertion. The same id passes and fails; `requirement` says how grave a failure is.

    title: one sentence, what holds. kind: who runs it and how.
    """

    id: str
    requirement: str
    kind: Kind
    title: str
    function: Callable[..., Any] | None = None


@dataclass(frozen=True)
class Finding:
    """What one check found once. evidence: what was seen and what was to be seen; empty where it passed.

    exchanges: those that prove it, the last being the one that went wrong. operation: what was asked for, where the
    exchanges do not say it.
    """

    check: str
    passed: bool
    evidence: str = ""
    exchanges: tuple[Exchange, ...] = ()
    operation: str = ""


class Violation(AssertionError):
    """Raised inside an active check: the server did not do what the requirement says."""

    def __init__(self, evidence: str, *exchanges: Exchange) -> None:
        super().__init__(evidence)
        self.evidence = evidence
        self.exchanges = exchanges


class TooSlow(Violation):
    """It was right, but late. It is asked again before it counts: a busy machine is not the server's fault."""


class Registry:
    """All checks by id. A check is registered where it is written, by a decorator, and found by an import."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def register(self, check: Check) -> None:
        """Add one. ValueError where the id is taken: a report could not tell the two apart."""
        if check.id in self._checks:
            raise ValueError(f"two checks are called {check.id}")
        self._checks[check.id] = check

    def __getitem__(self, id: str) -> Check:  # noqa: A002 - its name everywhere
        return self._checks[id]

    def __iter__(self) -> Iterator[Check]:
        return iter(self._checks.values())

    def __len__(self) -> int:
        return len(self._checks)


CHECKS: Final = Registry()


def check(id: str, *, requirement: str, kind: Kind) -> Callable[[Callable[..., Any]], Callable[..., Any]]:  # noqa: A002
    """Register the function as a check; the first line of its docstring is the title."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        title = (function.__doc__ or "").strip().split("\n")[0]
        CHECKS.register(Check(id, requirement, kind, title, function))
        return function

    return register
