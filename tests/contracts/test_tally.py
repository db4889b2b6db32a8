"""Failures are told apart by operation and by what went wrong, and the same one is counted."""

from __future__ import annotations

from contracts.exchange import Exchange, Request, Response
from contracts.observer.observer import all_rules
from contracts.tally import DISTINCT, Tally
from contracts.verdicts import Finding


def failure(evidence: str, path: str = "/api/v1/sessions", body: bytes = b"{}") -> Finding:
    exchange = Exchange(1, Request("GET", path, body=body), Response(500))
    return Finding("no-internal-error", passed=False, evidence=evidence, exchanges=(exchange,))


def test_ids_and_numbers_make_no_other_failure_and_statuses_do() -> None:
    tally = Tally()
    assert tally.count(failure("'a1' is there 3 times, in 5f0c2a9e-6a5b-4d0e-9a35-2f1b8c7d4e10:train:0"))
    assert not tally.count(failure("'b2' is there 44 times, in 6f0c2a9e-6a5b-4d0e-9a35-2f1b8c7d4e10:train:1"))
    assert not tally.count(failure("status 418 is not documented"))
    assert not tally.count(failure("status 419 is not documented"))
    assert not tally.count(failure("status 419 is not documented", "/api/v1/checkpoints"))
    counted = [(each.operation, each.count) for each in tally.counts["no-internal-error"].failures.values()]
    assert counted == [("list_sessions", 2), ("list_sessions", 1), ("list_sessions", 1), ("list_user_checkpoints", 1)]


def test_the_shortest_request_is_kept_as_evidence() -> None:
    tally = Tally()
    for size in (30, 10, 20):
        tally.count(failure("broken", body=b"x" * size))
    (kept,) = tally.counts["no-internal-error"].failures.values()
    assert len(kept.finding.exchanges[0].request.body) == 10
    assert kept.count == 3


def test_endless_failures_take_bounded_memory() -> None:
    all_rules()
    tally = Tally()
    for name in "abcdefghijklmnopqrstuvwxyz":
        for other in "abc":
            tally.count(failure(f"{name}{other} is wrong"))
    count = tally.counts["no-internal-error"]
    assert len(count.failures) == DISTINCT
    assert sum(each.count for each in count.failures.values()) == count.failed == 78
    assert len(list(tally.lines())) < 10
