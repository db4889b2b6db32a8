"""Scenario files: what is wrong with one is told with its file, line and column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mock_server.scenarios import InvalidScenario
from mock_server.scenarios.reading import read_scenario, scenario_of, scenario_of_text
from mock_server.scenarios.skeleton import skeleton

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
id: a-b
title: It happens
source: an issue
requirements: [C-RETRY-SEQ]
happens: Something.
good_client: Something else.
faults:
  - {operation: optim_step, on: 2, phase: after_commit, effect: reset}
expect:
  wire:
    - {check: lost-step-is-repeated}
    - {operation: optim_step, answered: [nothing, 5xx, 409], count: {at_most: 3}}
  state:
    - {run: $first, optimizer_steps: told}
  client:
    outcome: completes
"""


def test_a_scenario_is_what_its_text_says() -> None:
    read = scenario_of_text(TEXT, "a-b.yaml")
    assert (read.source, read.seed, read.clock) == (["an issue"], 0, "real")
    assert read.faults[0].on == [2]
    assert read.expect.wire[1].answered == ["nothing", "5xx", "409"]
    assert (read.expect.wire[0].count.fewest, read.expect.wire[0].count.most) == (1, None)
    assert read.expect.state[0].optimizer_steps is not None
    assert read.expect.state[0].optimizer_steps.admits(7, told=7)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("title:", "titel:", "2:1: titel: there is no such field"),
        ("title: It happens\n", "", "1:1: title: the field is missing"),
        ("id: a-b", "id: A_B", "1:5: id: String should match pattern"),
        ("[C-RETRY-SEQ]", "[C-RETRY-SQE]", "4:16: requirements.0: 'C-RETRY-SQE' is unknown: did you mean C-RETRY-SEQ?"),
        ("[C-RETRY-SEQ]", "[]", "4:15: requirements: List should have at least 1 item"),
        ("operation: optim_step, on", "operation: optim_stp, on", "8:17: faults.0.operation: 'optim_stp' is unknown"),
        ("effect: reset", "effect: rest", "8:65: faults.0.effect: 'rest' is unknown: did you mean reset?"),
        ("reset}", "{status: {status: 99}}}", "8:83: faults.0.effect.status.status: Input should be greater"),
        ("reset}", "{reset: {hard: true}}}", "8:74: faults.0.effect.reset.hard: there is no such field"),
        ("phase: after_commit", "phase: in_operation", "8:5: faults.0: effect reset has no phase in_operation"),
        ("on: 2", "on: 0", "8:33: faults.0.on: calls are counted from 1"),
        (
            "lost-step-is-repeated",
            "lost-step-repeated",
            "expect.wire.0.check: 'lost-step-repeated' is unknown: did you",
        ),
        (
            "{check: lost",
            "{operation: asample, check: lost",
            "11:7: expect.wire.0: operation does not belong to a check",
        ),
        ("repeated}", "repeated, answered: 409}", "answered does not belong to a check: leave one"),
        ("answered: [nothing", "fails: true, answered: [nothing", "fails belongs to a check: give its id"),
        ("nothing, 5xx", "lost, 5xx", "12:41: expect.wire.1.answered: 'lost' is no answer: give a status"),
        ("{at_most: 3}", "many", "12:69: expect.wire.1.count: Input should be a valid"),
        ("{at_most: 3}", "{at_most: 3, exactly: 2}", "expect.wire.1.count: exactly excludes at_least"),
        ("{at_most: 3}", "-1", "expect.wire.1.count.exactly: Input should be greater than or equal to 0"),
        ("count: {at_most: 3}", "again: true, distinct: batch", "distinct and again exclude each other"),
        ("optimizer_steps: told", "optimizer_steps: some", "expect.state.0.optimizer_steps: give a number, {at_least"),
        ("optimizer_steps: told", "optimizer_steps: {}", "expect.state.0.optimizer_steps: give a number, {at_least"),
        ("{operation: optim_step, answered: [nothing, 5xx, 409], count", "{count", "it expects nothing: give a check"),
        ("optimizer_steps: told", "unfinished: 0", "14:7: expect.state.0: unfinished is nothing of a run: give one of"),
        ("optimizer_steps: told", "checkpoint: x", "run and checkpoint exclude each other"),
        (", optimizer_steps: told", "", "expect.state.0: it expects nothing: give one of checkpoints, corrupted"),
        ("outcome: completes", "outcome: wins", "16:14: expect.client.outcome: Input should be 'completes'"),
        ("good_client:", "seed: 1\nseed: 2\ngood_client:", "7:1: seed: the field is there twice"),
        (
            "happens:",
            "given: {seed_data: one-rnu}\nhappens:",
            "5:20: given.seed_data: seed data 'one-rnu' is unknown: did",
        ),
        ("happens:", "given: {seed_data: {}}\nhappens:", "5:20: given.seed_data: seed_data.sessions: the field is"),
        (
            "happens:",
            "client_config: {parallel_chunks: true}\nhappens:",
            "5:16: client_config: 'parallel_chunks' is no",
        ),
    ],
)
def test_a_wrong_scenario_is_refused_with_its_line(old: str, new: str, fault: str) -> None:
    assert TEXT.count(old) == 1
    with pytest.raises(InvalidScenario) as raised:
        scenario_of_text(TEXT.replace(old, new), "a-b.yaml")
    assert str(raised.value).startswith("a-b.yaml:")
    assert fault in str(raised.value)


def test_all_that_is_wrong_is_told_at_once_in_the_order_of_the_lines() -> None:
    with pytest.raises(InvalidScenario) as raised:
        scenario_of_text(TEXT.replace("on: 2", "on: x").replace("id: a-b", "id: 1"), "a-b.yaml")
    assert [(fault.line, fault.message.partition(":")[0]) for fault in raised.value.faults] == [
        (1, "id"),
        (8, "faults.0.on.0"),
    ]


def test_what_is_no_yaml_has_its_line_too() -> None:
    with pytest.raises(InvalidScenario, match=r"^x.yaml:2:4: "):
        scenario_of_text("a: 1\n  b: 2", "x.yaml")


def test_a_file_is_called_as_its_scenario(tmp_path: Path) -> None:
    path = tmp_path / "other.yaml"
    path.write_text(TEXT)
    with pytest.raises(InvalidScenario, match=r"other.yaml:1:5: id: it is 'a-b' in a file called other.yaml"):
        read_scenario(path)
    path.write_bytes(b"title: \xff")
    with pytest.raises(InvalidScenario, match=r"other.yaml:1:1: byte 7 is no UTF-8"):
        read_scenario(path)


def test_a_scenario_of_json_is_refused_by_its_fields() -> None:
    given = {"id": "x", "title": "t", "source": ["s"], "requirements": ["X"], "happens": "h", "good_client": "g"}
    with pytest.raises(InvalidScenario, match=r"^requirements.0: 'X' is unknown"):
        scenario_of(given)
    assert scenario_of({**given, "requirements": ["SEQ-ONCE"]}).id == "x"


def test_a_new_scenario_is_valid() -> None:
    read = scenario_of_text(skeleton("my-own", "my-own.yaml", "schema.json"), "my-own.yaml")
    assert read.id == "my-own"
    assert read.faults[0].effect == "reset"
