"""What polls of Tinkex meet on the way to a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from client_tests.scenarios.meeting import meet, train, undisturbed
from client_tests.tinkex.tinkex import Crash

if TYPE_CHECKING:
    from client_tests.scenarios.playing import Played, Player
    from client_tests.tinkex.tinkex import Tinkex


def polls_of(played: Played, operation: str) -> list[int | None]:
    """How the polls of the results of one kind of operation were answered."""
    answers = [call.exchange.response for call in played.calls(operation) if call.status == 200]
    submitted = {answer.json["request_id"] for answer in answers if answer is not None}
    polls = played.calls("retrieve_future")
    return [call.status for call in polls if call.exchange.request.json["request_id"] in submitted]


@pytest.mark.scenario("result-pending-in-other-words")
@pytest.mark.scenario("polls-answered-empty-400")
@pytest.mark.scenario("polls-meet-a-broken-gateway")
@pytest.mark.scenario("polls-lose-their-connection")
@pytest.mark.parametrize(
    ("scenario_id", "struck", "met", "slept"),
    [
        ("result-pending-in-other-words", (3,), [200, 200, 200], [1.0, 2.0, 4.0]),
        ("polls-answered-empty-400", (2,), [400, 400], []),
        # These it asks again without any pause.
        ("polls-meet-a-broken-gateway", (1, 1, 1), [408, 503, 500], []),
        ("polls-lose-their-connection", (1, 1), [None, None], [1.0, 2.0]),
    ],
)
def test_polls_are_made_again_for_the_same_result(
    play: Player,
    scenario_id: str,
    struck: tuple[int, ...],
    met: list[int | None],
    slept: list[float],
) -> None:
    played, client = meet(play, scenario_id, train)
    played.assert_kept(*struck)
    assert client.slept == slept
    assert polls_of(played, "optim_step") == [*met, 200, 200, 200]
    assert played.statuses("optim_step") == [200, 200, 200]
    assert [run["optimizer_steps"] for run in played.runs()] == [3]
    assert played.saw == undisturbed(play)


@pytest.mark.scenario("size-told-before-result")
def test_the_size_is_followed_by_the_result(play: Player) -> None:
    played, client = meet(play, "size-told-before-result", train)
    played.assert_kept(3)
    assert client.slept == []
    assert polls_of(played, "forward_backward") == [200] * 6
    assert played.saw == undisturbed(play)
    assert [run["optimizer_steps"] for run in played.runs()] == [3]


@pytest.mark.scenario("rate-limit-told-in-polls")
def test_the_reason_of_a_pause_is_shown(play: Player) -> None:
    played, client = meet(play, "rate-limit-told-in-polls", train)
    played.assert_kept(1)
    assert set(client.reasons) == {"too many tokens this minute"}
    assert set(client.slept) == {1.0}
    assert played.saw == undisturbed(play)
    assert [run["optimizer_steps"] for run in played.runs()] == [3]


@pytest.mark.scenario("batch-fails-by-users-fault")
def test_a_failure_of_the_users_is_told_at_once(play: Player) -> None:
    played, client = meet(play, "batch-fails-by-users-fault", train)
    played.assert_kept(1)
    assert "request_failed/user" in played.output
    assert client.slept == []
    assert polls_of(played, "forward_backward") == [200, 200]
    assert [(run["optimizer_steps"], run["corrupted"]) for run in played.runs()] == [(1, False)]


@pytest.mark.scenario("result-expired")
@pytest.mark.scenario("poll-refused-for-good")
@pytest.mark.parametrize(("scenario_id", "status"), [("result-expired", 410), ("poll-refused-for-good", 400)])
def test_what_will_never_be_told_is_asked_for_once(play: Player, scenario_id: str, status: int) -> None:
    played, client = meet(play, scenario_id, train)
    played.assert_kept(1)
    assert "api_status/user" in played.output
    assert client.slept == []
    assert polls_of(played, "optim_step") == [status]
    # Its client does not know, but the step was taken.
    assert [run["optimizer_steps"] for run in played.runs()] == [1]


@pytest.mark.scenario("polls-time-out-for-ever")
def test_polls_without_end_are_given_up_by_the_callers_bound(play: Player) -> None:
    def program(client: Tinkex) -> None:
        client.optim_step(client.new_model())(polls=5)

    played, client = meet(play, "polls-time-out-for-ever", program)
    played.assert_kept(5)
    assert "408" in played.output
    assert client.slept == []
    assert polls_of(played, "optim_step") == [408] * 5
    assert [run["optimizer_steps"] for run in played.runs()] == [1]


@pytest.mark.scenario("result-without-type")
def test_a_result_that_crashes_the_poll_leaves_the_run_alone(play: Player) -> None:
    def program(client: Tinkex) -> list[float]:
        run = client.new_model()
        result = client.optim_step(run)
        with pytest.raises(Crash):
            result()
        return client.train(run, 2)

    played, _ = meet(play, "result-without-type", program)
    played.assert_kept(1)
    assert len(played.saw) == 2
    assert polls_of(played, "optim_step") == [200, 200, 200]
    assert [run["optimizer_steps"] for run in played.runs()] == [3]
