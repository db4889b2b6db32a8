"""Clients that poll for all results of a sampler at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from client_tests.scenarios.playing import Player


@pytest.mark.scenario("completion-cursor-goes-back")
def test_each_sample_comes_once_whatever_becomes_of_the_cursor(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        sampler = kit.client(service_client.create_sampling_client(base_model=kit.BASE_MODEL))
        found = []
        for wave in range(4):
            drawn = [kit.greedy(4 + wave + number) for number in range(2)]
            futures = [sampler.sample(kit.prompt(), 1, parameters) for parameters in drawn]
            found += [len(future.result(timeout=30).sequences[0].tokens) for future in futures]
        return found

    played = play.sdk("completion-cursor-goes-back", program)
    assert played.verdict.kept, "\n".join((*played.verdict.lines(), played.output))
    assert played.saw == [4, 5, 5, 6, 6, 7, 7, 8]
    assert played.verdict.struck == (1, 1)
    assert len(played.calls("asample")) == 8
