"""Expectations: what meets them, what comes near, and the reasons why it is not it, for people to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contracts import capture
from mock_server.codec.schema import messages
from mock_server.journal import Expectation, InvalidExpectation, Wanted, entry_of, expectations_of, export, verify
from tests.journal.heard import begin, end, hear, journal

if TYPE_CHECKING:
    from pathlib import Path

    from mock_server.journal import Entry, Verification

RUN = "s:train:0"
TRIED_AGAIN = {"retry": "1"}


def step(seq_id: int, rate: float = 1e-3) -> dict[str, Any]:
    return {"model_id": RUN, "seq_id": seq_id, "adam_params": {"learning_rate": rate}}


def lost_and_repeated() -> list[Entry]:
    """forward_backward as protobuf; an optim_step whose answer is lost, and its repeat; another; a poll in flight."""
    keeper = journal()
    batch = messages().ForwardBackwardRequest(model_id=RUN, seq_id=1, loss_fn="cross_entropy")
    protobuf = {"content-type": "application/x-protobuf"}
    end(keeper, begin(keeper, "forward_backward", batch.SerializeToString(), headers=protobuf))
    hear(keeper, body=step(2), status=None, faults=("reset",))
    end(keeper, begin(keeper, body=step(2), headers=TRIED_AGAIN), answer={"request_id": "r2"})
    hear(keeper, body=step(3), status=503, headers=((b"retry-after", b"2"),))
    begin(keeper, "retrieve_future", {"request_id": "r2"})
    return keeper.entries(Wanted())


def verified(*expectations: dict[str, Any], in_order: bool = False) -> Verification:
    return verify(lost_and_repeated(), expectations_of(expectations), in_order=in_order)


@pytest.mark.parametrize(
    ("expectation", "matches"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"operation": "optim_step"}, [2, 3, 4]),
        ({"operation": ["optim_step", "forward_backward"]}, [1, 2, 3, 4]),
        ({"seq_id": [1, 3]}, [1, 4]),
        ({"run": RUN, "session": "s"}, [1, 2, 3, 4]),
        ({"request": {"loss_fn": "cross_entropy", "seq_id": 1}}, [1]),
        ({"request": {"adam_params.learning_rate": {"at_least": 1e-4, "at_most": 1e-2}}}, [2, 3, 4]),
        ({"request": {"adam_params": {"equals": {"learning_rate": 1e-3}}}}, [2, 3, 4]),
        ({"request": {"request_id": {"matches": "^r"}}}, [5]),
        ({"request": {"request_id": {"one_of": ["r1", "r2"]}}}, [5]),
        ({"request": {"model_id": {"contains": "train", "length": 9}}}, [1, 2, 3, 4]),
        ({"request": {"model_id": {"present": False}}}, [5]),
        ({"request": {"seq_id": True}}, []),
        ({"headers": {"Retry": True}}, [3]),
        ({"headers": {"retry": "1"}}, [3]),
        ({"operation": "optim_step", "headers": {"retry": False}}, [2, 4]),
        ({"answered": "nothing"}, [2]),
        ({"answered": [503, "nothing"]}, [2, 4]),
        ({"answered": "2xx"}, [1, 3]),
        ({"answer": {"request_id": "r2"}}, [3]),
        ({"answer_headers": {"retry-after": {}}}, [4]),
        ({"fault": "reset"}, [2]),
        ({"fault": "any"}, [2]),
    ],
)
def test_what_is_expected_is_found(expectation: dict[str, Any], matches: list[int]) -> None:
    (checked,) = verified({**expectation, "count": len(matches)}).checked
    assert [entry.number for entry in checked.matches] == matches
    assert checked.met


@pytest.mark.parametrize(
    ("count", "met"),
    [
        (3, True),
        (2, False),
        (4, False),
        ({"at_least": 3}, True),
        ({"at_least": 4}, False),
        ({"at_most": 3}, True),
        ({"at_most": 2}, False),
        ({"at_least": 1, "at_most": 5}, True),
        ({}, True),
    ],
)
def test_the_count_decides(count: Any, met: bool) -> None:
    assert verified({"operation": "optim_step", "count": count}).met is met


def test_none_at_all_can_be_expected() -> None:
    assert verified({"operation": "load_weights", "count": 0}).met
    assert verified({"operation": "load_weights", "count": {"at_most": 3}}).met
    verification = verified({"operation": "optim_step", "count": 0})
    assert str(verification) == "NOT MET: exactly 0: optim_step\n    3 instead of exactly 0: #2, #3, #4"


def test_near_misses_say_why_they_are_not_it_the_nearest_first() -> None:
    verification = verified({"operation": "optim_step", "seq_id": 3, "answered": 200, "headers": {"retry": False}})
    assert list(verification.lines()) == [
        "NOT MET: at least 1: optim_step, seq_id 3, request header retry absent, answered 200",
        "    there is none",
        "    near: #4 POST /api/v1/optim_step -> 503: it was answered 503, not 200",
        "    near: #3 POST /api/v1/optim_step -> 200: seq_id is 2, not 3; request header retry is there",
        "    near: #2 POST /api/v1/optim_step -> no answer (reset): seq_id is 2, not 3; its answer was lost",
    ]


@pytest.mark.parametrize(
    ("expectation", "reason"),
    [
        ({"operation": "optim_step", "request": {"seqid": 2}}, "request seqid is absent (there is seq_id)"),
        (
            {"operation": "optim_step", "request": {"adam_params.learning_rat": 1}},
            "request adam_params.learning_rat is absent (there is adam_params.learning_rate)",
        ),
        (
            {"operation": "optim_step", "request": {"adam_params.learning_rate": {"at_least": 1}}},
            "request adam_params.learning_rate is 0.001, not at least 1.0",
        ),
        ({"operation": "optim_step", "run": "s:train:1"}, "run is s:train:0, not s:train:1"),
        ({"operation": "retrieve_future", "seq_id": 4}, "it has no seq_id"),
        ({"operation": "retrieve_future", "sampler": "s:sample:0"}, "it names no sampler"),
        ({"operation": "retrieve_future", "answered": 200}, "it has not been answered yet"),
        ({"operation": "retrieve_future", "answered": "nothing"}, "it has not been answered yet"),
        ({"seq_id": 1, "operation": "forward"}, "operation is forward_backward, not forward"),
        ({"seq_id": 3, "fault": "reset"}, "no fault struck it"),
        ({"seq_id": 2, "fault": "close", "answered": "nothing"}, "reset struck it, not close"),
        ({"seq_id": 3, "answer_headers": {"retry-after": "3"}}, "answer header retry-after is '2', not '3'"),
    ],
)
def test_reasons_name_what_differs(expectation: dict[str, Any], reason: str) -> None:
    (checked,) = verified(expectation).checked
    assert reason in [reason for miss in checked.near_misses for reason in miss.reasons]


def test_where_nothing_comes_near_it_says_what_there_is() -> None:
    assert "there is none, but 3 optim_step, 1 forward_backward, 1 retrieve_future" in str(
        verified({"operation": "load_weights"})
    )
    assert "there is none: the journal is empty" in str(verify([], [Expectation()]))


def test_the_order_counts_where_that_is_asked_for() -> None:
    lost = {"operation": "optim_step", "answered": "nothing"}
    again = {"operation": "optim_step", "seq_id": 2, "answered": 200}
    poll = {"operation": "retrieve_future"}
    assert verified(lost, again, poll, in_order=True).met
    backwards = verified(poll, again, in_order=True)
    assert [each.met for each in backwards.checked] == [True, False]
    assert backwards.checked[1].problem == "#3 came before #5 POST /api/v1/retrieve_future -> not answered yet"
    assert verified(poll, again).met
    # One request can't be both of two that follow each other.
    assert not verified(again, again, in_order=True).met


def test_a_file_is_verified_as_the_journal_that_it_came_from(tmp_path: Path) -> None:
    entries = lost_and_repeated()
    path = tmp_path / "journal.jsonl"
    path.write_text("".join(export(entries, "jsonl")))
    expectations = expectations_of([{"operation": "optim_step", "fault": "reset", "seq_id": 2}, {"answered": 200}])
    back = [entry_of(exchange) for exchange in capture.read(path)]
    assert verify(back, expectations).as_json() == verify(entries, expectations).as_json()


def test_a_recording_of_another_recorder_says_its_operations_by_its_paths(tmp_path: Path) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text('{"method": "GET", "path": "/api/v1/training_runs/s:train:0", "request": {}, "response": null}\n')
    entries = [entry_of(exchange) for exchange in capture.read(path)]
    assert verify(entries, [Expectation(operation=["get_training_run"], run="s:train:0")]).met


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"operatoin": "x"}, "expectations.0.operatoin: there is no such field"),
        ({"request": {"a": {"present": False, "equals": 1}}}, "present: false says that there is no value"),
        ({"count": -1}, "expectations.0.count.exactly: Input should be greater than or equal to 0"),
        ("optim_step", "expectations.0: Input should be a valid dictionary"),
    ],
)
def test_a_wrong_expectation_is_named(given: Any, message: str) -> None:
    with pytest.raises(InvalidExpectation) as refused:
        expectations_of([given])
    assert message in str(refused.value)
