"""The whole suite ends by itself on any server, with a report that a person can read."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from threading import active_count
from typing import TYPE_CHECKING, Any

import pytest

from contracts.report.as_html import as_html
from contracts.report.as_junit import as_junit
from contracts.report.as_text import as_text
from contracts.report.build import Circumstances, report_of
from contracts.server import suite
from contracts.server.judgement import KEPT_BODY, Judgement
from contracts.server.suite import judge
from contracts.server.target import Target
from contracts.tally import DISTINCT
from tests.contracts import silly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

SECONDS = 6.0


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """As much patience as a test has."""
    monkeypatch.setattr("contracts.server.judgement.SILENCE", 2.0)
    monkeypatch.setattr("contracts.server.suite.KNOCK_SECONDS", 2.0)
    monkeypatch.setattr("contracts.server.raw._SECONDS", 2.0)
    monkeypatch.setattr("contracts.recorded.caller.ANSWER_SECONDS", 1.0)


@contextmanager
def bare_app() -> Iterator[str]:
    """The in-memory app of the benchmarks, which knows a few answers by heart."""
    from benchmarks.bare_app import SHIPPED_ANSWERS, create_app
    from benchmarks.recorded import Recorded
    from client_tests.harness.in_thread import served

    with served(create_app(Recorded.read(SHIPPED_ANSWERS))) as url:
        yield url


ERROR = b'{"detail": "no", "message": "no"}'
SERVERS: dict[str, Callable[[], AbstractContextManager[str]]] = {
    "broken": lambda: silly.always(500, b"Internal Server Error", "text/plain"),
    "an empty object": lambda: silly.always(200, b"{}"),
    "another place": lambda: silly.always(307, b"", headers=[("location", "http://127.0.0.1:9/")]),
    "garbage": lambda: silly.raw(silly.healthy_then(silly.garbage)),
    "resets": lambda: silly.raw(silly.healthy_then(silly.resetting)),
    "never": lambda: silly.raw(silly.healthy_then(silly.silent)),
    "a byte now and then": lambda: silly.raw(silly.healthy_then(silly.dripping)),
    "in memory": bare_app,
}


@pytest.mark.parametrize("server", SERVERS)
def test_the_suite_ends_with_a_report(server: str) -> None:
    before = active_count()
    with SERVERS[server]() as url:
        target = Target(url, effort="short", seconds=SECONDS)
        found = judge(target)
    report = report_of(found, target, Circumstances("test", datetime(2026, 7, 13, tzinfo=UTC), 1.0))
    assert report.verdict == "broken"
    assert [part.name for part in report.parts] == list(suite.PARTS)
    assert not [part for part in report.parts if part.crashed or part.ended.startswith("left behind")]
    assert max(len(count.failures) for count in found.tally.counts.values()) <= DISTINCT
    lines = list(as_text(report))
    assert len(lines) < 1500
    assert all(len(line) < 20_000 for line in lines)
    assert as_junit(report).count("<failure") < 400
    assert len(as_html(report)) < 8_000_000
    assert active_count() <= before + 1, "somebody was left behind"


def test_who_answers_nothing_at_all_is_left_at_once() -> None:
    with silly.raw(silly.silent) as url:
        found = judge(Target(url, seconds=600))
    assert not found.answered
    assert found.parts == []


def test_a_part_that_hangs_is_left_behind_and_the_next_one_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    from threading import Event

    over = Event()
    ran: list[str] = []

    def hangs(target: Target, judgement: Judgement, deadline: float) -> None:
        over.wait(60)

    def runs(target: Target, judgement: Judgement, deadline: float) -> None:
        ran.append("next")

    def breaks(target: Target, judgement: Judgement, deadline: float) -> None:
        raise KeyError("ours")

    parts: dict[str, Any] = {"hangs": hangs, "breaks": breaks, "runs": runs}
    monkeypatch.setattr(suite, "PARTS", parts)
    monkeypatch.setattr(suite, "GRACE_SECONDS", 0.1)
    with silly.always(404, ERROR) as url:
        found = judge(Target(url, seconds=2.0), parts=parts)
    over.set()
    assert [part.ended.partition(":")[0] for part in found.parts] == ["left behind", "broke off", ""]
    assert found.parts[1].crashed
    assert "KeyError: 'ours'" in found.parts[1].notes[-1]
    assert ran == ["next"]


def test_what_comes_after_the_verdict_does_not_change_it() -> None:
    from contracts.server.known import known_checks
    from contracts.verdicts import Finding

    known_checks()
    found = Judgement(closed=True)
    found.found(Finding("no-internal-error", passed=False, evidence="late"))
    assert not found.broken


def test_a_long_body_is_no_evidence_to_keep() -> None:
    from contracts.exchange import Exchange, Request
    from contracts.report.shown import Shower
    from contracts.server.known import known_checks
    from contracts.verdicts import Finding

    known_checks()
    found = Judgement()
    exchange = Exchange(1, Request("POST", "/api/v1/telemetry", body=b"x" * (KEPT_BODY + 1)), None)
    found.found(Finding("no-internal-error", passed=False, evidence="long", exchanges=(exchange,)))
    (failure,) = found.tally.counts["no-internal-error"].failures.values()
    (kept,) = failure.finding.exchanges
    assert (len(kept.request.body), kept.request.whole) == (KEPT_BODY, False)
    assert Shower("http://h", lambda _: False).exchange(kept).curl.endswith("# the body is too long to stand here")
