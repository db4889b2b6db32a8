"""What crossed the wire, held against what was expected."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mock_server.journal import entry_of
from mock_server.scenarios.expectation import OnTheWire
from mock_server.scenarios.verdict import Point, Told
from mock_server.scenarios.verdict.wire import judge_wire
from tests.scenarios.verdict.crossed import RUN, Wire


def points(wire: Wire, *expected: dict[str, Any]) -> list[Point]:
    return judge_wire([OnTheWire(**each) for each in expected], [entry_of(each) for each in wire.exchanges])


def judged(wire: Wire, **expected: Any) -> Point:
    """The point about one expectation."""
    return points(wire, expected)[0]


@pytest.fixture
def repeated() -> Wire:
    """A client whose second step's answer was lost, and who repeats it as it should."""
    wire = Wire()
    wire.optim_step(1)
    wire.told("r1")
    wire.optim_step(2, None)
    wire.optim_step(2)
    wire.told("r2", {"type": "try_again", "queue_state": "active"})
    wire.told("r2")
    return wire


@pytest.fixture
def doubled() -> Wire:
    """The same, but it repeats under a new number."""
    wire = Wire()
    wire.optim_step(1)
    wire.told("r1")
    wire.optim_step(2, None)
    wire.optim_step(3)
    wire.told("r3")
    return wire


def test_a_check_holds_where_it_had_a_say(repeated: Wire, doubled: Wire) -> None:
    assert judged(repeated, check="lost-step-is-repeated").kept
    point = judged(doubled, check="lost-step-is-repeated")
    assert not point.kept
    assert point.seen == (
        "it failed in 1 of 1 exchanges: the same optim_step goes out as 3, but 2 may have been taken: repeat that"
    )
    assert point.evidence == ("#3 POST /api/v1/optim_step -> no answer", "#4 POST /api/v1/optim_step -> 200")


def test_a_check_that_had_no_say_proves_nothing(repeated: Wire) -> None:
    point = judged(repeated, check="heartbeat-stops-at-410")
    assert (point.kept, point.seen) == (False, "it had a say in 0 exchanges, and held in all of them")
    assert judged(repeated, check="heartbeat-stops-at-410", count={"at_most": 3}).kept


def test_a_check_may_be_meant_to_fail(repeated: Wire, doubled: Wire) -> None:
    assert judged(doubled, check="lost-step-is-repeated", fails=True).kept
    assert not judged(repeated, check="lost-step-is-repeated", fails=True).kept


def test_every_must_of_a_client_is_expected(doubled: Wire) -> None:
    (point,) = points(doubled)
    assert (point.kept, point.expected.partition(" ")[0]) == (False, "lost-step-is-repeated")
    assert "(C-RETRY-SEQ)" in point.expected
    assert len(points(doubled, {"check": "lost-step-is-repeated", "fails": True})) == 1


@pytest.mark.parametrize(
    ("expected", "number"),
    [
        ({}, 3),
        ({"answered": "nothing"}, 1),
        ({"answered": 200}, 2),
        ({"answered": ["2xx", "nothing"]}, 3),
        ({"answered": "5xx"}, 0),
        ({"seq_id": 2, "run": RUN, "request": {"adam_params.learning_rate": 0.001}}, 2),
        ({"distinct": "seq_id"}, 2),
        ({"distinct": "run"}, 1),
        ({"distinct": "batch"}, 1),
        ({"distinct": "idempotency_key"}, 1),
        ({"again": True}, 2),
    ],
)
def test_exchanges_are_counted(repeated: Wire, expected: dict[str, Any], number: int) -> None:
    expected = {"operation": "optim_step", **expected}
    assert judged(repeated, count=number, **expected).kept
    point = judged(repeated, count=number + 1, **expected)
    assert not point.kept
    assert re.match(f"there were {number}$|{number} instead of exactly {number + 1}|there is none", point.seen)


def test_evidence_is_as_much_as_helps() -> None:
    wire = Wire()
    for number in range(1, 10):
        wire.optim_step(number, rate=number / 1000)
    point = judged(wire, operation="optim_step", distinct="run", count=2)
    assert len(point.evidence) == 7
    assert point.evidence[-1] == "and 3 more"
    assert judged(wire, operation="optim_step", again=True, count=0).kept
    assert judged(wire, operation="optim_step", distinct="batch", count=9).kept


def test_a_client_was_told_of_what_it_polled_to_its_end(repeated: Wire, doubled: Wire) -> None:
    assert Told.by(repeated.exchanges).optimizer_steps == {RUN: 2}
    assert Told.by(doubled.exchanges).optimizer_steps == {RUN: 2}
    repeated.told("r2")
    assert Told.by(repeated.exchanges).optimizer_steps == {RUN: 2}
    failed = Wire()
    failed.optim_step(1)
    failed.told("r1", {"error": "no", "category": "user"})
    assert not Told.by(failed.exchanges).optimizer_steps


def test_a_load_counts_from_what_it_loaded() -> None:
    wire = Wire()
    wire.optim_step(1)
    wire.told("r1")
    for number, optimizer in ((2, True), (3, False)):
        body = {"model_id": RUN, "seq_id": number, "path": "tinker://x/weights/a", "optimizer": optimizer}
        wire.post("load_weights", body, 200, {"request_id": f"r{number}"})
        wire.told(f"r{number}", {"type": "load_weights"})
        told = Told.by(wire.exchanges)
        assert told.optimizer_steps[RUN] == 0
        assert told.loaded == ({RUN: "tinker://x/weights/a"} if optimizer else {})


def test_a_save_counts_where_it_has_a_name() -> None:
    wire = Wire()
    for number, path in enumerate(("a", "b", None), 1):
        wire.post("save_weights", {"model_id": RUN, "seq_id": number, "path": path}, 200, {"request_id": f"r{number}"})
        wire.told(f"r{number}", {"type": "save_weights", "path": "tinker://x/weights/a"})
    assert Told.by(wire.exchanges).checkpoints == {RUN: 2}
