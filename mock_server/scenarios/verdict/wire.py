"""What crossed the wire, held against what a scenario expects there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from mock_server.journal import verify
from mock_server.scenarios.verdict.point import Point

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from contracts.observer.spec import Spec
    from contracts.tally import Tally
    from mock_server.journal import Entry
    from mock_server.scenarios.expectation import OnTheWire

_SHOWN: Final = 6
"""Exchanges that prove a point; more help nobody."""


def judge_wire(expected: Sequence[OnTheWire], entries: Sequence[Entry]) -> list[Point]:
    """A point for each expectation, and one for each MUST of a client that was not kept besides.

    entries: all of one tenant, in the order in which they ended.
    """
    tally = _tally(entries)
    points = [_point(each, entries, tally) for each in expected]
    return [*points, *_unexpected(tally, {each.check for each in expected})]


def _tally(entries: Iterable[Entry]) -> Tally:
    from contracts.observer import Observer  # noqa: PLC0415 - only who judges needs it
    from contracts.tally import Tally  # noqa: PLC0415

    observer, tally = Observer(_spec()), Tally()
    for entry in entries:
        tally.add(observer.see(entry.exchange))
    return tally


def _spec() -> Spec | None:
    """openapi.yaml, where what reads schemas is installed; without it, checks of schemas have no say."""
    try:
        import jsonschema_rs  # noqa: F401, PLC0415 - an extra that not everybody has
    except ImportError:
        return None
    from contracts.observer.described import Described  # noqa: PLC0415

    return Described()


def _point(expected: OnTheWire, entries: Sequence[Entry], tally: Tally) -> Point:
    if expected.check is not None:
        return _of_check(expected, tally)
    if expected.distinct is not None or expected.again:
        return _of_values(expected, entries)
    checked = verify(entries, [expected]).checked[0]
    evidence = tuple(f"near: {miss}" for miss in checked.near_misses)
    return Point("wire", checked.met, str(expected), checked.problem, evidence)


def _of_check(expected: OnTheWire, tally: Tally) -> Point:
    from contracts.tally import Count  # noqa: PLC0415 - only who judges needs it

    count = tally.counts.get(str(expected.check), Count())
    evidence = () if count.first is None else tuple(map(str, count.first.exchanges))
    admits = expected.count.admits
    kept = admits(count.failed) if expected.fails else not count.failed and admits(count.passed)
    if count.first is not None:
        seen = f"it failed in {count.failed} of {count.failed + count.passed} exchanges: {count.first.evidence}"
    else:
        seen = f"it had a say in {count.passed} exchanges, and held in all of them"
    return Point("wire", kept, str(expected), seen, evidence)


def _unexpected(tally: Tally, expected: set[str | None]) -> Iterator[Point]:
    for requirement, finding in tally.failures():
        if requirement.side == "client" and requirement.keyword == "MUST" and finding.check not in expected:
            evidence = tuple(map(str, finding.exchanges))
            said = f"{finding.check} holds: {requirement.text} ({requirement.id})"
            yield Point("wire", False, said, finding.evidence, evidence)


def _of_values(expected: OnTheWire, entries: Sequence[Entry]) -> Point:
    conditions = expected.conditions()
    meant = [entry for entry in entries if all(condition.why_not(entry) is None for condition in conditions)]
    if expected.distinct is not None:
        number = len({_value(entry, expected.distinct) for entry in meant})
    else:
        meant = list(_repeated(meant))
        number = len(meant)
    more = (f"and {len(meant) - _SHOWN} more",) if len(meant) > _SHOWN else ()
    evidence = (*map(str, meant[:_SHOWN]), *more)
    return Point("wire", expected.count.admits(number), str(expected), f"there were {number}", evidence)


def _value(entry: Entry, name: str) -> Any:
    match name:
        case "idempotency_key":
            return entry.exchange.request.headers.get("x-idempotency-key")
        case "seq_id":
            return entry.facts.run, entry.facts.sampler, entry.facts.seq_id
        case "run":
            return entry.facts.run
    return _content(entry)


def _repeated(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Those that say what an earlier one said under another number."""
    first: dict[str, Any] = {}
    for entry in entries:
        number = _value(entry, "seq_id")
        if first.setdefault(_content(entry), number) != number:
            yield entry


def _content(entry: Entry) -> str:
    """A request without its run and its number: what it says, whoever says it."""
    said = {name: value for name, value in entry.request_fields.items() if name not in {"model_id", "seq_id"}}
    return json.dumps(said, sort_keys=True, default=repr)
