"""Answers that refuse what is all right: the traps of the SDK's retries (docs/traps.md)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from client_tests.scenarios.playing import train

if TYPE_CHECKING:
    from client_tests.scenarios.playing import Played, Player


def make(service_client: Any, kit: Any) -> str:
    return kit.trainer(service_client).model_id  # type: ignore[no-any-return]


def waits(played: Played, operation: str) -> list[float]:
    """Seconds from each answer to the next request."""
    calls = [call.exchange for call in played.calls(operation)]
    return [after.started - before.ended for before, after in pairwise(calls)]


@pytest.mark.scenario("payment-required-briefly")
def test_a_402_pauses_the_sdk_and_is_told_nobody(play: Player) -> None:
    played = play.sdk("payment-required-briefly", train, steps=2)
    played.assert_kept(1)
    assert played.statuses("forward_backward") == [402, 200, 200]
    assert waits(played, "forward_backward")[0] > 4
    assert len(played.saw) == 2


@pytest.mark.scenario("payment-required-for-good")
def test_a_402_is_told_soon_where_no_pause_is_allowed(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> None:
        kit.trainer(service_client).forward_backward([kit.datum()], "cross_entropy").result()

    played = play.sdk("payment-required-for-good", program)
    played.assert_kept(2)  # it looks once more after its five seconds
    assert "BillingError" in played.output
    assert played.statuses("forward_backward") == [402, 402]


@pytest.mark.scenario("publish-answered-409")
def test_a_409_is_taken_for_try_again(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> list[bool]:
        path = kit.trainer(service_client).save_state("shown").result().path
        rest = kit.rest(service_client)
        rest.publish_checkpoint_from_tinker_path(path).result()
        return [each.public for each in rest.list_user_checkpoints().result().checkpoints]

    played = play.sdk("publish-answered-409", program)
    played.assert_kept(4)
    assert played.statuses("publish_checkpoint") == [409, 409, 409, 409, 204]
    assert played.saw == [True]


@pytest.mark.scenario("polls-answered-408")
@pytest.mark.scenario("polls-answered-429")
@pytest.mark.parametrize(("status", "times"), [(408, 3), (429, 1)])
def test_a_poll_that_ended_early_is_repeated_and_the_batch_is_not(play: Player, status: int, times: int) -> None:
    played = play.sdk(f"polls-answered-{status}", train, steps=2)
    played.assert_kept(times)
    assert played.statuses("retrieve_future").count(status) == times
    assert played.statuses("forward_backward") == [200, 200]
    assert [run["optimizer_steps"] for run in played.runs()] == [2]


@pytest.mark.scenario("polls-answered-500")
def test_a_poll_that_meets_500_is_repeated_as_fast_as_can_be(play: Player) -> None:
    played = play.sdk("polls-answered-500", train, steps=2)
    assert played.verdict.struck == (25,)
    assert played.statuses("retrieve_future").count(500) == 25
    # All that a good client does, but for the haste: whether 20 polls go into a second is a matter of the machine.
    assert all("no-hot-polling" in expected for expected in played.failed()), played.failed()
    assert [run["optimizer_steps"] for run in played.runs()] == [2]


@pytest.mark.scenario("poll-answered-400")
def test_a_poll_that_is_called_malformed_is_given_up_soon(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> None:
        training = kit.trainer(service_client)
        kit.steps(training, 1)
        refused = training.forward_backward([kit.datum()], "cross_entropy")
        training.optim_step(kit.adam()).result()  # what comes behind it is done all the same
        refused.result()

    played = play.sdk("poll-answered-400", program)
    played.assert_kept(played.statuses("retrieve_future").count(400))
    assert played.statuses("forward_backward") == [200, 200]
    assert [run["optimizer_steps"] for run in played.runs()] == [2]


@pytest.mark.scenario("empty-400-taken-for-network")
def test_a_400_without_a_body_is_repeated(play: Player) -> None:
    played = play.sdk("empty-400-taken-for-network", train, steps=2)
    played.assert_kept(2)
    assert played.statuses("forward_backward") == [400, 400, 200, 200]
    assert played.saw == play.undisturbed(train, steps=2).saw


@pytest.mark.scenario("empty-400-on-create-model")
def test_a_model_that_is_refused_without_a_body_is_a_failed_connection(play: Player) -> None:
    played = play.sdk("empty-400-on-create-model", make)
    played.assert_kept(len(played.statuses("create_model")))
    assert "APIConnectionError" in played.output
    assert played.runs() == []


@pytest.mark.scenario("retry-after-in-three-forms")
def test_retry_after_is_kept_in_every_form(play: Player) -> None:
    played = play.sdk("retry-after-in-three-forms", make)
    played.assert_kept(1, 1, 1)
    assert played.statuses("create_model") == [503, 503, 503, 200]
    seconds, _, milliseconds = waits(played, "create_model")
    assert seconds >= 1.15
    assert milliseconds >= 0.65
    assert [run["id"] for run in played.runs()] == [played.saw]


@pytest.mark.scenario("retry-of-creation-forbidden")
def test_what_must_not_be_repeated_is_told_at_once(play: Player) -> None:
    played = play.sdk("retry-of-creation-forbidden", make)
    played.assert_kept(1)
    assert "InternalServerError" in played.output
    assert played.runs() == []


@pytest.mark.scenario("retry-of-creation-demanded")
def test_what_is_to_be_repeated_is_repeated_whatever_its_status(play: Player) -> None:
    played = play.sdk("retry-of-creation-demanded", make)
    played.assert_kept(2)
    assert played.statuses("create_model") == [404, 404, 200]
    assert [run["id"] for run in played.runs()] == [played.saw]


@pytest.mark.scenario("samples-answered-429")
def test_samples_that_are_too_many_come_again_under_their_numbers(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> list[int]:
        sampler = kit.client(service_client.create_sampling_client(base_model=kit.BASE_MODEL))
        futures = [sampler.sample(kit.prompt(range(100, 110 + number)), 1, kit.greedy(2)) for number in range(4)]
        return [len(future.result().sequences[0].tokens) for future in futures]

    played = play.sdk("samples-answered-429", program)
    played.assert_kept(4)
    assert played.statuses("asample") == [429] * 4 + [200] * 4
    assert played.saw == [2] * 4
    calls = played.calls("asample")
    for number in range(4):
        refused, again = (call.exchange for call in calls if call.facts.seq_id == calls[number].facts.seq_id)
        assert again.started - refused.ended > 0.5


@pytest.mark.scenario("configuration-missing")
def test_without_a_configuration_nothing_begins(play: Player) -> None:
    played = play.sdk("configuration-missing", make)
    played.assert_kept(1)
    assert "NotFoundError" in played.output
    assert played.calls("create_session") == []
