"""Requests that Tinkex must send again, or must not."""

from __future__ import annotations

from time import sleep
from typing import TYPE_CHECKING, Any

import pytest

from client_tests.scenarios.meeting import meet, train, undisturbed
from client_tests.tinkex.streaming import stream
from client_tests.tinkex.tinkex import TinkexError

if TYPE_CHECKING:
    from client_tests.scenarios.playing import Player
    from client_tests.tinkex.tinkex import Tinkex


@pytest.mark.scenario("step-answered-409-once")
@pytest.mark.scenario("batch-answered-408-once")
@pytest.mark.scenario("retry-demanded-by-header")
@pytest.mark.scenario("request-lost-on-its-way")
@pytest.mark.parametrize(
    ("scenario_id", "operation", "met", "slept"),
    [
        ("step-answered-409-once", "optim_step", [200, 409, 200, 200], [0.5]),
        ("batch-answered-408-once", "forward_backward", [200, 408, 200, 200], [0.5]),
        ("retry-demanded-by-header", "optim_step", [400, 200, 200, 200], [0.5]),
        ("request-lost-on-its-way", "forward_backward", [200, None, None, 200, 200], [0.5, 1.0]),
    ],
)
def test_what_may_be_lost_is_sent_again_as_it_was(
    play: Player, scenario_id: str, operation: str, met: list[int | None], slept: list[float]
) -> None:
    played, client = meet(play, scenario_id, train, wait=sleep)
    played.assert_kept(len(slept))
    assert played.statuses(operation) == met
    assert client.slept == slept
    lost, repeated = (played.calls(operation)[met.index(200, len(slept)) - at] for at in (1, 0))
    assert lost.exchange.request.body == repeated.exchange.request.body
    assert [run["optimizer_steps"] for run in played.runs()] == [3]
    assert played.saw == undisturbed(play)


@pytest.mark.scenario("step-never-accepted")
def test_500s_without_end_are_told_when_all_retries_are_used_up(play: Player) -> None:
    played, client = meet(play, "step-never-accepted", train)
    played.assert_kept(11)
    assert "api_status/server" in played.output
    assert client.slept == [0.5, 1.0, 2.0, 4.0, 8.0, *[10.0] * 5]
    assert played.statuses("optim_step") == [500] * 11
    assert [run["optimizer_steps"] for run in played.runs()] == [0]


@pytest.mark.scenario("rate-limit-names-its-pause")
def test_a_rate_limit_is_waited_for_as_long_as_it_says(play: Player) -> None:
    played, client = meet(play, "rate-limit-names-its-pause", train, wait=sleep)
    played.assert_kept(1, 1)
    assert client.slept == [1.0, 0.4]
    assert played.statuses("forward_backward") == played.statuses("optim_step") == [429, 200, 200, 200]
    assert played.saw == undisturbed(play)


@pytest.mark.scenario("retry-forbidden-by-header")
def test_a_header_forbids_the_retry(play: Player) -> None:
    played, client = meet(play, "retry-forbidden-by-header", train)
    played.assert_kept(1)
    assert client.slept == []
    assert played.statuses("optim_step") == [503]
    assert [run["optimizer_steps"] for run in played.runs()] == [0]


@pytest.mark.scenario("batch-refused-for-good")
def test_a_refusal_is_told_at_once_and_harms_nothing(play: Player) -> None:
    played, client = meet(play, "batch-refused-for-good", train)
    played.assert_kept(1)
    assert "api_status/user" in played.output
    assert client.slept == []
    assert played.statuses("forward_backward") == [200, 422]
    assert [(run["optimizer_steps"], run["corrupted"]) for run in played.runs()] == [(1, False)]


@pytest.mark.scenario("session-made-slowly")
def test_a_slow_session_is_waited_for(play: Player) -> None:
    played, client = meet(play, "session-made-slowly", train)
    played.assert_kept(1)
    assert client.slept == []
    assert {run["session_id"] for run in played.runs()} == {client.session}
    assert played.saw == undisturbed(play)
    clock, shared = played.admin.get("/clock", api_key=played.key), played.admin.get("/clock")
    assert clock["now"] - shared["now"] > 25


@pytest.mark.scenario("heartbeats-refused")
def test_refused_heartbeats_end_no_session(play: Player) -> None:
    def program(client: Tinkex) -> tuple[list[bool], list[float]]:
        return [client.heartbeat() for _ in range(4)], train(client)

    played, _ = meet(play, "heartbeats-refused", program)
    played.assert_kept(1, 2)
    assert played.saw[0] == [False, False, False, True]
    assert len(played.saw[1]) == 3
    assert played.statuses("session_heartbeat") == [401, 500, 500, 200]


@pytest.mark.scenario("sample-500-then-refused")
def test_a_sample_is_tried_again_after_a_500_and_not_after_a_400(play: Player) -> None:
    def program(client: Tinkex) -> None:
        client.sample(client.sampler(base_model="Qwen/Qwen3-8B"))

    played, client = meet(play, "sample-500-then-refused", program)
    played.assert_kept(1, 1)
    assert client.slept == [0.5]
    assert played.statuses("asample") == [500, 400]
    # Tinkex numbers each attempt anew, where the official SDK keeps the number.
    assert [call.exchange.request.json["seq_id"] for call in played.calls("asample")] == [0, 1]


@pytest.mark.scenario("samples-rate-limited")
def test_samples_wait_until_there_is_room(play: Player) -> None:
    def program(client: Tinkex) -> list[list[int]]:
        sampler = client.sampler(base_model="Qwen/Qwen3-8B")
        return [client.sample(sampler)["sequences"][0]["tokens"] for _ in range(3)]

    played, client = meet(play, "samples-rate-limited", program)
    played.assert_kept(3)
    assert client.slept[:3] == [1.0, 1.0, 1.0]
    assert played.statuses("asample") == [429, 429, 429, 200, 200, 200]
    assert [call.exchange.request.json["seq_id"] for call in played.calls("asample")] == [0, 1, 2, 3, 4, 5]
    # At temperature 0 each is the same.
    assert played.saw[0] == played.saw[1] == played.saw[2]


@pytest.mark.scenario("stream-cut-short")
def test_a_stream_that_is_cut_is_told_and_no_part_of_it_taken(play: Player) -> None:
    def program(client: Tinkex) -> tuple[list[int | None], list[dict[str, Any]]]:
        sampler = client.sampler(base_model="Qwen/Qwen3-8B")
        met = []
        for number in range(2):
            with pytest.raises(TinkexError) as failed:
                stream(client, sampler, number)
            met.append(failed.value.status)
        return met, stream(client, sampler, 2)

    played, _ = meet(play, "stream-cut-short", program)
    played.assert_kept(1, 1)
    met, events = played.saw
    assert met == [None, 500]
    assert [event["token_id"] for event in events[:-1]]
    assert events[-1]["total_tokens"] == len(events) - 1
    assert played.statuses("stream_sample") == [None, 500, 200]
