"""Dials: their text, and what is none."""

import pytest

from mock_server.domain.dials import Dial


@pytest.mark.parametrize(
    ("text", "dial"),
    [
        ("immediate", Dial()),
        ("after:1.5", Dial("after", seconds=1.5)),
        ("after:0", Dial("after")),
        ("polls:3", Dial("polls", polls=3)),
        ("manual", Dial("manual")),
        ("never", Dial("never")),
        ("manual/paused_rate_limit", Dial("manual", queue_state="paused_rate_limit")),
        ("polls:1/paused_capacity/No GPU", Dial("polls", polls=1, queue_state="paused_capacity", reason="No GPU")),
    ],
)
def test_a_dial_is_its_text(text: str, dial: Dial) -> None:
    assert Dial.parse(text) == dial
    assert str(dial) == text


@pytest.mark.parametrize(
    "text", ["", "soon", "after", "after:", "after:-1", "after:nan", "after:inf", "polls:1.5", "polls:-1", "never:1"]
)
def test_anything_else_is_refused_with_what_is_possible(text: str) -> None:
    with pytest.raises(ValueError, match="give immediate, after:<seconds>, polls:<n>, manual or never"):
        Dial.parse(text)


def test_a_queue_state_is_one_that_clients_know() -> None:
    with pytest.raises(ValueError, match="queue state 'busy': give one of active, paused_capacity, paused_rate_limit"):
        Dial.parse("never/busy")
