"""Answers that are not what they should be: fields missing, of a wrong type, no numbers, under wrong names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from client_tests.scenarios.playing import Player


def metrics_of_two(service_client: Any, kit: Any) -> list[Any]:
    """The metrics of two batches, each followed by a step; NaN as text."""
    training = kit.trainer(service_client)
    found = []
    for _ in range(2):
        result = training.forward_backward([kit.datum()], "cross_entropy").result(timeout=20)
        training.optim_step(kit.adam()).result()
        found.append({name: value if value == value else "NaN" for name, value in result.metrics.items()})  # noqa: PLR0124
    return found


def make(service_client: Any, kit: Any) -> str:
    return kit.trainer(service_client).model_id  # type: ignore[no-any-return]


def models(service_client: Any) -> list[Any]:
    return [
        [each.model_name, each.max_context_length] for each in service_client.get_server_capabilities().supported_models
    ]


def train_what_there_is(service_client: Any) -> None:
    names = [each.model_name for each in service_client.get_server_capabilities().supported_models]
    service_client.create_lora_training_client(names[0], rank=4)


@pytest.mark.scenario("metric-key-without-reduction")
def test_a_metric_without_a_reduction_is_an_error(play: Player) -> None:
    played = play.sdk("metric-key-without-reduction", metrics_of_two)
    played.assert_kept(1)
    assert "ValueError" in played.output
    assert [run["optimizer_steps"] for run in played.runs()] == [0]


@pytest.mark.scenario("metric-with-unknown-reduction")
def test_a_metric_with_an_unknown_reduction_is_left_out(play: Player) -> None:
    played = play.sdk("metric-with-unknown-reduction", metrics_of_two)
    played.assert_kept(2)
    assert played.saw == [{"loss:sum": 1.5}] * 2
    assert [run["optimizer_steps"] for run in played.runs()] == [2]


@pytest.mark.scenario("loss-not-finite")
def test_a_loss_that_is_no_number_is_told_as_it_is(play: Player) -> None:
    played = play.sdk("loss-not-finite", metrics_of_two)
    played.assert_kept(1)
    first, second = played.saw
    assert first["loss:sum"] > 0
    assert second["loss:sum"] == "NaN"
    assert [run["optimizer_steps"] for run in played.runs()] == [2]


@pytest.mark.scenario("nan-in-json")
def test_nan_is_no_length(play: Player) -> None:
    played = play.sdk("nan-in-json", models)
    assert played.output
    played.assert_kept(len(played.statuses("get_server_capabilities")))
    assert "ValidationError" in played.output
    assert played.runs() == []


@pytest.mark.scenario("capabilities-empty")
def test_a_server_without_models_trains_none(play: Player) -> None:
    played = play.sdk("capabilities-empty", train_what_there_is)
    played.assert_kept(1)
    assert "IndexError" in played.output
    assert played.runs() == []


@pytest.mark.scenario("capability-without-optional-fields")
def test_a_model_of_unknown_length_is_a_model(play: Player) -> None:
    played = play.sdk("capability-without-optional-fields", models)
    played.assert_kept(1)
    (name, length), *others = played.saw
    assert name
    assert length is None
    assert all(known for _, known in others)


@pytest.mark.scenario("answer-lacks-a-field")
def test_an_answer_without_a_required_field_is_refused_at_once(play: Player) -> None:
    played = play.sdk("answer-lacks-a-field", make)
    played.assert_kept(1)
    assert "APIResponseValidationError" in played.output
    assert played.statuses("get_info") == [200]
    assert len(played.runs()) == 1


@pytest.mark.scenario("json-called-html")
def test_json_is_read_whatever_it_is_called(play: Player) -> None:
    played = play.sdk("json-called-html", make)
    played.assert_kept(1)
    assert played.statuses("get_info") == [200]
    assert [run["id"] for run in played.runs()] == [played.saw]


@pytest.mark.scenario("sequence-ids-missing")
def test_a_sample_without_ids_is_no_sample(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> None:
        sampler = kit.client(service_client.create_sampling_client(base_model=kit.BASE_MODEL))
        sampler.sample(kit.prompt(), 1, kit.greedy(4)).result(timeout=20)

    played = play.sdk("sequence-ids-missing", program)
    played.assert_kept(1)
    assert "AssertionError" in played.output
    assert played.runs() == []


@pytest.mark.scenario("heartbeat-answered-410")
def test_no_heartbeat_follows_one_that_was_told_of_the_end(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> list[float]:
        import asyncio
        import time

        sleep = asyncio.sleep

        def hurried(seconds: float, *rest: Any) -> Any:
            return sleep(0.1 if seconds == 10 else seconds, *rest)  # the SDK's pause between heartbeats

        asyncio.sleep = hurried  # type: ignore[assignment]
        try:
            training = kit.trainer(service_client)
            task = service_client.holder._session_heartbeat_task
            ended = time.monotonic() + 20
            while not task.done() and time.monotonic() < ended:
                time.sleep(0.02)
            return kit.steps(training, 2)  # type: ignore[no-any-return]
        finally:
            asyncio.sleep = sleep

    played = play.sdk("heartbeat-answered-410", program)
    played.assert_kept(1)
    assert played.statuses("session_heartbeat") == [410]
    assert [run["optimizer_steps"] for run in played.runs()] == [2]
    assert len(played.saw) == 2
