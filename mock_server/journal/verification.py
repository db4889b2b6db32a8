"""Whether a journal is what somebody expects, and if not, which exchanges come nearest and why they are not it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mock_server.journal.conditions import Condition
    from mock_server.journal.entry import Entry
    from mock_server.journal.expectation import Expectation

_NEAREST: Final = 3
"""Near-misses that are told of each expectation."""


@dataclass(frozen=True)
class NearMiss:
    """An exchange, and each reason why it is not what was expected."""

    entry: Entry
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.entry}: {'; '.join(self.reasons)}"


@dataclass(frozen=True)
class Checked:
    """One expectation against a journal. matches: in the order of the journal. problem: empty where it is met."""

    expectation: Expectation
    matches: tuple[Entry, ...]
    problem: str = ""
    near_misses: tuple[NearMiss, ...] = ()

    @property
    def met(self) -> bool:
        return not self.problem

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"{'met' if self.met else 'NOT MET'}: {self.expectation}"
        if not self.met:
            yield f"    {self.problem}"
            yield from (f"    near: {miss}" for miss in self.near_misses)


@dataclass(frozen=True)
class Verification:
    """All expectations, in the order in which they were given."""

    checked: tuple[Checked, ...]

    @property
    def met(self) -> bool:
        return all(each.met for each in self.checked)

    def lines(self) -> Iterator[str]:
        for each in self.checked:
            yield from each.lines()

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {"met": self.met, "expectations": [_as_json(each) for each in self.checked]}


def verify(entries: Sequence[Entry], expectations: Sequence[Expectation], *, in_order: bool = False) -> Verification:
    """Hold the entries, of a live journal or of a file, to the expectations.

    in_order: each must also have a match behind the one of the expectation before it that counted for the order.
    """
    checked = []
    last: Entry | None = None
    place = -1
    for expectation in expectations:
        conditions = expectation.conditions()
        judged = [NearMiss(entry, _reasons(conditions, entry)) for entry in entries]
        matches = {at: each.entry for at, each in enumerate(judged) if not each.reasons}
        each = _checked(expectation, tuple(matches.values()), judged, len(conditions))
        if in_order and each.met and matches:
            behind = next((at for at in matches if at > place), None)
            if behind is None:
                each = replace(each, problem=f"{_numbers(each.matches)} came before {last}")
            else:
                place, last = behind, matches[behind]
        checked.append(each)
    return Verification(tuple(checked))


def _reasons(conditions: Sequence[Condition], entry: Entry) -> tuple[str, ...]:
    return tuple(why for condition in conditions if (why := condition.why_not(entry)) is not None)


def _checked(
    expectation: Expectation, matches: tuple[Entry, ...], judged: Sequence[NearMiss], conditions: int
) -> Checked:
    count = expectation.count
    if len(matches) < count.fewest:
        # The fewest reasons first, the newest of them before the others; none of which nothing at all is true.
        missed = [each for each in judged if 0 < len(each.reasons) < conditions]
        missed.sort(key=lambda each: (len(each.reasons), -each.entry.number))
        found = f"{len(matches)} instead of {count}" if matches else "there is none"
        rest = "" if missed else _instead([each.entry for each in judged])
        return Checked(expectation, matches, found + rest, tuple(missed[:_NEAREST]))
    if count.most is not None and len(matches) > count.most:
        return Checked(expectation, matches, f"{len(matches)} instead of {count}: {_numbers(matches)}")
    return Checked(expectation, matches)


def _instead(entries: Sequence[Entry]) -> str:
    """What there is, where nothing comes near."""
    if not entries:
        return ": the journal is empty"
    found = Counter(entry.operation or entry.exchange.request.path for entry in entries)
    return ", but " + ", ".join(f"{count} {operation}" for operation, count in found.most_common(6))


def _numbers(entries: Sequence[Entry]) -> str:
    return ", ".join(f"#{entry.number}" for entry in entries)


def _as_json(checked: Checked) -> dict[str, Any]:
    return {
        "expected": str(checked.expectation),
        "met": checked.met,
        "matches": [entry.number for entry in checked.matches],
        "problem": checked.problem or None,
        "near_misses": [
            {"number": miss.entry.number, "exchange": str(miss.entry), "reasons": list(miss.reasons)}
            for miss in checked.near_misses
        ],
    }
