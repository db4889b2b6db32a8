"""YAML that knows its lines: what it means, and where what is wrong with it stands."""

from __future__ import annotations

import pytest

from mock_server.faults.problems import Problem
from mock_server.scenarios.document import Unreadable, read_document

TEXT = """\
id: x
faults:
  - {operation: optim_step, on: [2, 3]}
  - operation: asample
"""


def test_words_of_yaml_1_1_are_words() -> None:
    read = read_document("{on: yes, a: 017, b: 1e-3, c: 2020-01-01, d: null, e: true, f: -5, g: .5, h: ~, i: off}")
    assert read.value == {
        "on": "yes",
        "a": 17,
        "b": 0.001,
        "c": "2020-01-01",
        "d": None,
        "e": True,
        "f": -5,
        "g": 0.5,
        "h": None,
        "i": "off",
    }


@pytest.mark.parametrize(
    ("problem", "position"),
    [
        (Problem(("id",), "wrong value"), (1, 5)),
        (Problem(("faults", 0, "on"), "wrong value"), (3, 33)),
        (Problem(("faults", 0, "on"), "wrong name", of_name=True), (3, 29)),
        (Problem(("faults", 0, "on", 1), "wrong value"), (3, 37)),
        (Problem(("faults", 1, "phase"), "not there: so its place"), (4, 5)),
        (Problem(("expect", "wire", 3), "not there, and nothing around it"), (1, 1)),
    ],
)
def test_every_value_has_its_place(problem: Problem, position: tuple[int, int]) -> None:
    assert read_document(TEXT).position(problem) == position


def test_a_field_that_stands_there_twice_is_told() -> None:
    (problem,) = read_document("a: {b: 1, b: 2}").repeated
    assert str(problem) == "a.b: the field is there twice"


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("", "the document is empty", 1, 1),
        ("# nothing\n", "the document is empty", 1, 1),
        ("a: [1,\nb: 2", "expected ',' or ']'", 2, 5),
        ("a: 1\n---\nb: 2", "expected a single document", 2, 1),
        ("a: 1\n? [b]\n: c", "a field's name must be a word", 2, 3),
        ("a: !shell x", "could not determine a constructor for the tag '!shell'", 1, 4),
        ("a: &x 1\nb: *x", "an alias", 1, 4),
        ("a: &x [*x]", "an alias", 1, 4),
        ("ab\nc\x01", "special characters are not allowed", 2, 2),
        ("[" * 3000, "nested too deep", 1, 1),
    ],
)
def test_what_is_no_document_is_told_with_its_line(text: str, message: str, line: int, column: int) -> None:
    with pytest.raises(Unreadable, match=message) as raised:
        read_document(text)
    assert (raised.value.line, raised.value.column) == (line, column)
