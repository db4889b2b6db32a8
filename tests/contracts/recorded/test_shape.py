"""A server may say more than was recorded, not less, nor otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.recorded.shape import differences

TIME = "2026-01-02T03:04:05Z"


@pytest.mark.parametrize(
    ("recorded", "got"),
    [
        ({"a": 1}, {"a": 2, "b": "more"}),
        ({"a": 1}, {"a": 0.5}),
        ({"a": None}, {}),
        ({"a": None}, {"a": "now known"}),
        ({"a": "x"}, {"a": "another"}),
        ({"a": TIME}, {"a": "2026-11-23T10:00:00.123+02:00"}),
        ({"a": "tinker://r/weights/x"}, {"a": "tinker://other/weights/y"}),
        ({"a": []}, {"a": [1, "anything"]}),
        ({"a": [1, "x"]}, {"a": ["y"]}),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1}, {"b": None}]}),
        ({"metrics": {"loss:sum": 1.0}}, {"metrics": {"other:mean": 2.0}}),
        ({"metrics": {"loss:sum": 1.0}}, {"metrics": {}}),
        ({"user_metadata": {"a": "b"}}, {"user_metadata": {"c": "d"}}),
        ({"type": "sample"}, {"type": "sample"}),
        ({"x": {"type": "active"}}, {"x": {"type": "finished"}}),
        ({"a": b"1234"}, {"a": b""}),
    ],
)
def test_of_one_shape(recorded: Any, got: Any) -> None:
    assert list(differences(recorded, got)) == []


@pytest.mark.parametrize(
    ("recorded", "got", "found"),
    [
        ({"a": 1}, {}, ("$.a", "a number", "nothing")),
        ({"a": 1}, {"a": None}, ("$.a", "a number", "nothing")),
        ({"a": 1}, {"a": "1"}, ("$.a", "a number", "a text ('1')")),
        ({"a": 1}, {"a": True}, ("$.a", "a number", "a boolean (True)")),
        ({"a": {}}, {"a": []}, ("$.a", "an object", "a list ([])")),
        ({"a": TIME}, {"a": "2026-01-02T03:04:05"}, ("$.a", "a time with its zone", "a time without a zone")),
        ({"a": TIME}, {"a": "tomorrow"}, ("$.a", "a time with its zone", "a text")),
        ({"a": "tinker://r/weights/x"}, {"a": "x"}, ("$.a", "a tinker path", "a text")),
        ({"a": "http://a/b"}, {"a": "/b"}, ("$.a", "a URL", "a text")),
        ({"a": [1]}, {"a": []}, ("$.a", "1 of them", "none")),
        ({"a": [1]}, {"a": [2, "x", "y"]}, ("$.a[]", "a number", "a text ('x')")),
        ({"a": [{"b": 1}]}, {"a": [{}, {"b": None}]}, ("$.a[].b", "a number", "nothing")),
        ({"a": [{"b": {"c": 1}}]}, {"a": [{"b": None}, {"b": {}}]}, ("$.a[].b.c", "a number", "nothing")),
        ({"metrics": {"loss:sum": 1.0}}, {"metrics": {"loss:sum": "x"}}, ("$.metrics[]", "a number", "a text ('x')")),
        ({"type": "sample"}, {"type": "other"}, ("$.type", "'sample'", "'other'")),
        ([], {}, ("$", "a list", "an object ({})")),
    ],
)
def test_of_another_shape(recorded: Any, got: Any, found: tuple[str, str, str]) -> None:
    (where, old, new) = next(iter(differences(recorded, got)))
    assert (where, old) == found[:2]
    assert new.startswith(found[2])


def test_each_difference_of_a_list_is_told_once() -> None:
    assert len(list(differences({"a": [1]}, {"a": ["x"] * 50}))) == 1
