"""What the server holds, held against what was expected."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from mock_server.scenarios.expectation import InTheState, OfTheClient
from mock_server.scenarios.verdict import Ending, Holdings, Told, judge_client, judge_state
from mock_server.scenarios.verdict.state import HeldCheckpoint, HeldRun

HELD = Holdings(
    runs=(
        HeldRun("s:train:0", 4, corrupted=False, checkpoints=2),
        HeldRun("s:train:1", 3, corrupted=True, checkpoints=1),
    ),
    checkpoints=(HeldCheckpoint("step-2", 2), HeldCheckpoint("step-4", 4), HeldCheckpoint("lost-1", None)),
    sessions=1,
    samplers=2,
    unfinished=0,
)
TOLD = Told(Counter({"s:train:0": 4, "s:train:1": 2}), checkpoints=Counter({"s:train:0": 2}))


@pytest.mark.parametrize(
    "expected",
    [
        {"run": "$first", "optimizer_steps": 4},
        {"run": "$first", "optimizer_steps": "told", "corrupted": False, "checkpoints": "told"},
        {"run": "$last", "corrupted": True},
        {"run": "$2", "optimizer_steps": {"at_least": 3, "at_most": 3}},
        {"run": "s:train:1", "optimizer_steps": 3},
        {"run": "$each", "optimizer_steps": {"at_least": 3}},
        {"checkpoint": "$first", "optimizer_steps": 2, "named": True},
        {"checkpoint": "step-4", "named": True, "exists": True},
        {"checkpoint": "step-6", "exists": False},
        {"runs": 2, "sessions": 1, "samplers": 2, "checkpoints": 3, "unfinished": 0},
    ],
)
def test_what_is_so_is_kept(expected: dict[str, Any]) -> None:
    (point,) = judge_state([InTheState(**expected)], HELD, TOLD)
    assert point.kept, point


@pytest.mark.parametrize(
    ("expected", "seen"),
    [
        ({"run": "$first", "optimizer_steps": 3}, "run s:train:0 took 4 optimizer steps"),
        (
            {"run": "$last", "optimizer_steps": "told"},
            "run s:train:1 took 3 optimizer steps, and the client was told of 2",
        ),
        ({"run": "$each", "corrupted": False}, "run s:train:1 is corrupted"),
        ({"run": "$3", "corrupted": False}, "there is none"),
        ({"run": "$first", "checkpoints": 0}, "run s:train:0 has 2 checkpoints"),
        ({"checkpoint": "$first", "optimizer_steps": 3}, "checkpoint step-2 holds 2 optimizer steps"),
        ({"checkpoint": "$each", "named": True}, "the file of checkpoint lost-1 can't be read"),
        ({"checkpoint": "step-2", "exists": False}, "it is there"),
        ({"checkpoint": "step-6", "exists": True}, "there is none"),
        ({"checkpoints": "told"}, "there are 3 checkpoints, and the client was told of 2"),
        ({"runs": 1, "sessions": 2}, "there are 2 runs; there are 1 sessions"),
    ],
)
def test_what_is_not_so_is_told(expected: dict[str, Any], seen: str) -> None:
    (point,) = judge_state([InTheState(**expected)], HELD, TOLD)
    assert (point.kept, point.seen) == (False, seen)


def test_a_restored_run_has_the_steps_of_its_checkpoint_besides() -> None:
    path = "tinker://s:train:0/weights/step-3"
    held = Holdings((HeldRun("r", 5, corrupted=False, checkpoints=0),), (HeldCheckpoint("step-3", 3, path),))
    expected = [InTheState.model_validate({"run": "r", "optimizer_steps": "told"})]
    assert judge_state(expected, held, Told(Counter(r=2), {"r": path}))[0].kept
    assert not judge_state(expected, held, Told(Counter(r=2)))[0].kept


def test_each_of_none_is_as_it_should_be() -> None:
    assert judge_state([InTheState(run="$each", corrupted=False)], Holdings(), Told())[0].kept
    assert not judge_state([InTheState(run="$first", corrupted=False)], Holdings(), Told())[0].kept


def test_a_label_is_the_last_number_of_a_name() -> None:
    def wrong(name: str, steps: int) -> bool:
        held = Holdings(checkpoints=(HeldCheckpoint(name, steps),))
        return not judge_state([InTheState(checkpoint="$first", named=True)], held, Told())[0].kept

    assert not wrong("run2-step000003", 3)
    assert wrong("run3-step2", 3)
    assert wrong("final", 3)


@pytest.mark.parametrize(
    ("expected", "ending", "kept"),
    [
        ({}, Ending(0), True),
        ({}, Ending(1), False),
        ({}, Ending(None), False),
        ({"outcome": "ends"}, Ending(1), True),
        ({"outcome": "ends"}, Ending(None), False),
        ({"outcome": "reports"}, Ending(1), True),
        ({"outcome": "reports"}, Ending(0), False),
        ({"outcome": "reports"}, Ending(0, outcome="reports"), True),
        ({}, Ending(3, outcome="completes"), True),
        ({"outcome": "reports", "says": ["SEQ_ID"]}, Ending(1, "bad seq_id 4"), True),
        ({"outcome": "reports", "says": ["seq_id", "run"]}, Ending(1, "bad seq_id 4"), False),
    ],
)
def test_a_client_ends_as_it_should(expected: dict[str, Any], ending: Ending, kept: bool) -> None:
    assert judge_client(OfTheClient(**expected), ending).kept is kept


def test_a_wrong_end_is_told_with_the_last_words() -> None:
    point = judge_client(OfTheClient(outcome="reports", says=["seq_id"]), Ending(None, "one\ntwo\nthree\nfour"))
    assert point.seen == "it did not end, and was stopped; its output does not say 'seq_id'"
    assert point.evidence == ("two", "three", "four")
