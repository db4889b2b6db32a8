"""Results that are gone, late, told twice or told wrongly, and the time that passes: what the SDK makes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from client_tests.scenarios.playing import train

if TYPE_CHECKING:
    from client_tests.harness.server import Server
    from client_tests.scenarios.playing import Player


@pytest.mark.scenario("promise-expired-in-training")
def test_an_expired_result_of_a_batch_is_the_users_to_see(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> None:
        training = kit.trainer(service_client)
        kit.steps(training, 1)
        training.forward_backward([kit.datum()], "cross_entropy").result()

    played = play.sdk("promise-expired-in-training", program)
    played.assert_kept(1)
    assert "RetryableException" in played.output
    assert played.statuses("retrieve_future")[-1] == 410


@pytest.mark.scenario("promise-expired-in-sampling")
def test_an_expired_sample_is_sampled_anew(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> int:
        sampler = kit.client(service_client.create_sampling_client(base_model=kit.BASE_MODEL))
        return len(sampler.sample(kit.prompt(), 1, kit.greedy(4)).result().sequences[0].tokens)

    played = play.sdk("promise-expired-in-sampling", program)
    played.assert_kept(1)
    assert played.saw == 4
    first, second = (call.facts.seq_id for call in played.calls("asample"))
    assert first != second


@pytest.mark.scenario("results-out-of-order")
def test_results_that_are_told_out_of_order_reach_those_who_wait_for_them(play: Player) -> None:
    played = play.sdk("results-out-of-order", train, steps=2)
    played.assert_kept(1)
    assert played.saw == play.undisturbed(train, steps=2).saw
    assert [run["optimizer_steps"] for run in played.runs()] == [2]


@pytest.mark.scenario("sample-announced-twice")
def test_a_sample_that_ends_twice_is_taken_once(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> list[int]:
        sampler = kit.client(service_client.create_sampling_client(base_model=kit.BASE_MODEL))
        first, second = (sampler.sample(kit.prompt(), 1, kit.greedy(3 + number)) for number in range(2))
        found = [len(first.result().sequences[0].tokens)]
        # A poll of this server waits for a second. It must wait when the minute is over: one that comes behind the
        # second announcement says that it has the sample, and is told of it no more.
        for seconds in (59.5, 0.75):
            kit.until_waiting()
            kit.advance(seconds)
        kit.advance(60)
        return [*found, len(second.result().sequences[0].tokens)]

    played = play.sdk("sample-announced-twice", program)
    played.assert_kept(1, 1)
    assert played.saw == [3, 4]
    polls = [call.exchange.response for call in played.calls("retrieve_futures") if call.status == 200]
    first = played.calls("asample")[0].answer_fields["request_id"]
    assert sum(first.encode() in poll.body for poll in polls if poll is not None) >= 2


@pytest.mark.scenario("failure-told-of-a-step-that-was-taken")
def test_a_false_failure_is_believed_and_the_step_is_there(play: Player) -> None:
    played = play.sdk("failure-told-of-a-step-that-was-taken", train, steps=2)
    played.assert_kept(1)
    assert "RequestFailedError" in played.output
    assert [run["optimizer_steps"] for run in played.runs()] == [2]


@pytest.mark.scenario("session-expired-in-training")
def test_nothing_can_be_made_in_a_session_that_has_expired(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> None:
        training = kit.trainer(service_client)
        kit.steps(training, 2)
        kit.trainer(service_client)

    played = play.sdk("session-expired-in-training", program)
    played.assert_kept(1)
    assert [run["optimizer_steps"] for run in played.runs()] == [2]


@pytest.mark.scenario("ttl-passes-before-resume")
def test_a_checkpoint_whose_time_has_passed_is_not_resumed_from(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> None:
        training = kit.trainer(service_client)
        path = training.save_state("kept", ttl_seconds=3600).result().path
        kit.advance(3600)
        kit.client(service_client.create_training_client_from_state_with_optimizer(path))

    played = play.sdk("ttl-passes-before-resume", program)
    played.assert_kept()
    assert "create_training_client_from_state" in played.output


@pytest.mark.scenario("sampler-weights-deleted-while-sampling")
def test_a_sampler_outlives_its_checkpoint_and_no_other_is_made_of_it(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> None:
        training = kit.trainer(service_client)
        path = training.save_weights_for_sampler("shown").result().path
        sampler = kit.client(service_client.create_sampling_client(model_path=path))
        before = sampler.sample(kit.prompt(), 1, kit.greedy(4)).result().sequences[0].tokens
        kit.rest(service_client).delete_checkpoint_from_tinker_path(path).result()
        after = sampler.sample(kit.prompt(), 1, kit.greedy(4)).result().sequences[0].tokens
        assert list(before) == list(after), "it lost its weights"
        kit.client(service_client.create_sampling_client(model_path=path))

    played = play.sdk("sampler-weights-deleted-while-sampling", program)
    played.assert_kept()
    assert "NotFoundError" in played.output
    assert played.statuses("asample") == [200, 200]


@pytest.mark.scenario("signed-url-expires-before-download")
def test_an_address_that_expired_is_asked_for_again(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> list[int]:
        training, rest = kit.trainer(service_client), kit.rest(service_client)
        path = training.save_weights_external("exported").result().path
        found = []
        for seconds in (900, 1):
            url = rest.get_external_weights_urls(path).result().urls["adapter_config.json"]
            kit.advance(seconds)
            found.append(kit.loaded(url))
        return found

    played = play.sdk("signed-url-expires-before-download", program)
    played.assert_kept()
    assert played.saw == [403, 200]
    assert played.statuses("download") == played.saw
    assert [checkpoint["name"] for checkpoint in played.runs()[0]["checkpoints"]] == ["exported"]


@pytest.mark.scenario("number-lost-to-a-gateway")
def test_a_number_that_never_arrives_does_not_hold_up_those_behind_it(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        training = kit.trainer(service_client)
        losses = kit.steps(training, 1)
        losses += [training.forward_backward([kit.datum()], "cross_entropy").result().metrics["loss:sum"]]
        refused = kit.raised(lambda: training.optim_step(kit.adam()).result())
        return [losses + kit.steps(training, 1), refused["status"]]

    played = play.sdk("number-lost-to-a-gateway", program)
    played.assert_kept(1)
    losses, refused = played.saw
    assert refused == 422
    assert losses[0] > losses[1] == losses[2]  # between these two no step was taken
    assert [run["optimizer_steps"] for run in played.runs()] == [2]


@pytest.mark.scenario("configuration-told-slowly")
def test_a_slow_beginning_makes_one_session(play: Player) -> None:
    played = play.sdk("configuration-told-slowly", train, steps=2)
    played.assert_kept(1, 1)
    assert played.statuses("create_session") == [200]
    assert played.admin.get("/clock", api_key=played.key)["now"] - played.admin.get("/clock")["now"] > 200


@pytest.mark.scenario("rate-limit-pauses-samples")
def test_a_rate_limit_is_waited_for(play: Player, server: Server) -> None:
    def program(service_client: Any, kit: Any) -> int:
        sampler = kit.client(service_client.create_sampling_client(base_model=kit.BASE_MODEL))
        return len(sampler.sample(kit.prompt(), 1, kit.greedy(4)).result().sequences[0].tokens)

    # Where polls last for half a minute: one of them is skipped at a time.
    played = replace(play, url=server.url).sdk("rate-limit-pauses-samples", program)
    played.assert_kept(1)
    assert played.saw == 4
    assert played.statuses("asample") == [200]
