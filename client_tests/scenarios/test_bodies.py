"""Results whose bodies are not what they should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from client_tests.scenarios.playing import Player


def one_batch(service_client: Any, kit: Any) -> float:
    result = kit.trainer(service_client).forward_backward([kit.datum()], "cross_entropy").result(timeout=20)
    return result.metrics["loss:sum"]  # type: ignore[no-any-return]


@pytest.mark.scenario("result-as-json")
def test_a_result_as_json_is_an_end_of_some_kind(play: Player) -> None:
    played = play.sdk("result-as-json", one_batch)
    played.assert_kept(1)
    # Newer SDKs read tensors as protobuf alone.
    assert "which this SDK version only supports as proto" in played.output
    assert played.statuses("retrieve_future").count(200) == 2  # create_model's and this


@pytest.mark.scenario("result-truncated")
def test_half_a_protobuf_is_no_result(play: Player) -> None:
    played = play.sdk("result-truncated", one_batch)
    played.assert_kept(1)
    assert "Proto deserialization failed" in played.output
