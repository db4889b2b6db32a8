"""Results that are late, or never there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from client_tests.harness.server import Server
    from client_tests.scenarios.playing import Player


@pytest.mark.scenario("future-stuck")
def test_a_stuck_result_is_given_up_by_the_users_own_bound(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> None:
        kit.trainer(service_client).forward_backward([kit.datum()], "cross_entropy").result(timeout=2.5)

    played = play.sdk("future-stuck", program)
    played.assert_kept(1)
    assert "TimeoutError" in played.output
    assert 1 <= len([call for call in played.calls("retrieve_future") if not call.in_flight]) <= 6


@pytest.mark.scenario("capacity-paused-for-hours")
def test_a_pause_of_hours_is_shown_and_waited_for(play: Player, server: Server) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        said = kit.pauses_said()
        training = kit.trainer(service_client)
        losses = kit.steps(training, 3)
        return [losses, [line for line in said if "all accelerators are in use" in line]]

    # Where polls last for half a minute, as everywhere but in these tests: one of them is skipped at a time.
    played = replace(play, url=server.url).sdk("capacity-paused-for-hours", program)
    played.assert_kept(1)
    losses, said = played.saw
    assert losses[0] > losses[1] > losses[2]
    assert said
    # Two hours of the server's time, in seconds of the test's.
    clock = played.admin.get("/clock", api_key=played.key)
    shared = played.admin.get("/clock")
    assert clock["now"] - shared["now"] > 7000


@pytest.mark.scenario("load-pending-for-ever")
def test_a_load_that_never_ends_is_given_up(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> None:
        training = kit.trainer(service_client)
        path = training.save_state("before").result().path
        training.load_state(path).result(timeout=2.5)

    played = play.sdk("load-pending-for-ever", program)
    played.assert_kept(1)
    assert "load_state(path).result" in played.output
    assert played.runs()[0]["checkpoints"][0]["name"] == "before"


@pytest.mark.scenario("one-sampler-hangs")
def test_a_sampler_that_hangs_harms_no_other(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        hangs, works = (kit.client(service_client.create_sampling_client(base_model=kit.BASE_MODEL)) for _ in range(2))
        pending = hangs.sample(kit.prompt(), 1, kit.greedy(4))
        found: list[Any] = [len(works.sample(kit.prompt(), 1, kit.greedy(4)).result(timeout=20).sequences[0].tokens)]
        try:
            pending.result(timeout=2)
        except TimeoutError:
            found.append("given up")
        return [*found, len(works.sample(kit.prompt(), 1, kit.greedy(4)).result(timeout=20).sequences[0].tokens)]

    played = play.sdk("one-sampler-hangs", program)
    played.assert_kept(1)
    assert played.saw == [4, "given up", 4]
