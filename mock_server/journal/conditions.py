"""What must be true of an exchange, one thing at a time, and why it is not."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal

from mock_server.journal.matcher import ABSENT, value_at
from mock_server.journal.wanted import ANY_FAULT, fault_fits, status_fits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mock_server.journal.entry import Entry
    from mock_server.journal.matcher import Matcher

Side = Literal["request", "answer"]


@dataclass(frozen=True)
class Condition:
    """text: what must be. why_not: how an exchange differs from that; None for one that does not."""

    text: str
    why_not: Callable[[Entry], str | None]


def operation_of(wanted: Sequence[str]) -> Condition:
    text = " or ".join(wanted)

    def why_not(entry: Entry) -> str | None:
        return None if entry.operation in wanted else f"operation is {entry.operation}, not {text}"

    return Condition(text, why_not)


def place_of(place: str, wanted: str) -> Condition:
    """The session, run or sampler that the request names."""

    def why_not(entry: Entry) -> str | None:
        found = getattr(entry.facts, place)
        if found is None:
            return f"it names no {place}"
        return None if found == wanted else f"{place} is {found}, not {wanted}"

    return Condition(f"{place} {wanted}", why_not)


def number_of(wanted: Sequence[int]) -> Condition:
    text = " or ".join(map(str, wanted))

    def why_not(entry: Entry) -> str | None:
        found = entry.facts.seq_id
        if found is None:
            return "it has no seq_id"
        return None if found in wanted else f"seq_id is {found}, not {text}"

    return Condition(f"seq_id {text}", why_not)


def fields_of(side: Side, path: str, matcher: Matcher) -> Condition:
    def why_not(entry: Entry) -> str | None:
        if side == "answer" and entry.exchange.response is None:
            return _unanswered(entry)
        fields = entry.request_fields if side == "request" else entry.answer_fields
        problem = matcher.problem(value_at(fields, path))
        return None if problem is None else f"{side} {path} {problem}{_meant(fields, path)}"

    return Condition(f"{side} {path} {matcher}", why_not)


def headers_of(side: Side, name: str, matcher: Matcher) -> Condition:
    lower = name.lower()

    def why_not(entry: Entry) -> str | None:
        message = entry.exchange.request if side == "request" else entry.exchange.response
        if message is None:
            return _unanswered(entry)
        problem = matcher.problem(message.headers.get(lower, ABSENT))
        return None if problem is None else f"{side} header {lower} {problem}"

    return Condition(f"{side} header {lower} {matcher}", why_not)


def answered_by(wanted: Sequence[str]) -> Condition:
    text = " or ".join(wanted)

    def why_not(entry: Entry) -> str | None:
        if entry.in_flight:
            return _unanswered(entry)
        if any(status_fits(each, entry.status) for each in wanted):
            return None
        return _unanswered(entry) if entry.status is None else f"it was answered {entry.status}, not {text}"

    return Condition(f"answered {text}", why_not)


def fault_of(wanted: str) -> Condition:
    def why_not(entry: Entry) -> str | None:
        if fault_fits(wanted, entry.faults):
            return None
        return f"{' and '.join(entry.faults)} struck it, not {wanted}" if entry.faults else "no fault struck it"

    return Condition("struck by any fault" if wanted == ANY_FAULT else f"struck by {wanted}", why_not)


def _unanswered(entry: Entry) -> str:
    return "it has not been answered yet" if entry.in_flight else "its answer was lost"


def _meant(fields: Mapping[str, object], path: str) -> str:
    """A hint where a name of the path is like one that is there."""
    above, _, name = path.rpartition(".")
    siblings = value_at(fields, above) if above else fields
    if value_at(fields, path) is not ABSENT or not isinstance(siblings, dict):
        return ""
    near = get_close_matches(name, map(str, siblings), n=1)
    return f" (there is {f'{above}.' if above else ''}{near[0]})" if near else ""
