"""Polling for results: what Tinkex does about each answer, and that the result is right all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from client_tests.tinkex.tinkex import Crash, TinkexError

if TYPE_CHECKING:
    from client_tests.harness.wire import Wire
    from client_tests.tinkex.tinkex import Tinkex

FUTURE = "retrieve_future"


def in_the_way(wire: Wire, client: Tinkex, *answers: dict[str, Any]) -> Any:
    """The result of a step whose polls meet these answers first."""
    model = client.new_model()
    result = client.optim_step(model)
    client.slept.clear()
    for answer in answers:
        wire.spoil(FUTURE, **{"forwarded": False, "status": 200, **answer})
    return result


@pytest.mark.tinkex("poll pending", "scenario 15")
def test_another_servers_word_for_not_yet(spoilt: Tinkex, wire: Wire) -> None:
    result = in_the_way(wire, spoilt, *[{"body": {"status": "pending"}}] * 3)
    assert result()["type"] == "optim_step"
    assert spoilt.slept == [1.0, 2.0, 4.0]


@pytest.mark.tinkex("poll metadata", "scenario 17")
def test_metadata_is_followed_by_the_payload(spoilt: Tinkex, wire: Wire) -> None:
    metadata = {"body": {"status": "complete_metadata", "response_payload_size": 10}}
    assert in_the_way(wire, spoilt, metadata)()["type"] == "optim_step"
    assert [each.request["allow_metadata_only"] for each in wire.of(FUTURE)] == [True, False]


@pytest.mark.tinkex("poll completed")
def test_another_servers_wrapper_is_not_ours(spoilt: Tinkex, wire: Wire) -> None:
    """The Python SDK does not know it: the real answer must not have it."""
    wrapped = {"body": {"status": "completed", "result": {"metrics": {}}}}
    result = in_the_way(wire, spoilt, wrapped)
    assert result() == {"metrics": {}}
    assert "status" not in result()


@pytest.mark.tinkex("scenario 18")
def test_a_failure_of_category_server_is_asked_for_again(spoilt: Tinkex, wire: Wire) -> None:
    failed = {"body": {"status": "failed", "error": {"message": "broken", "category": "server"}}}
    assert in_the_way(wire, spoilt, failed, failed)()["type"] == "optim_step"
    assert spoilt.slept == [1.0, 2.0]


@pytest.mark.tinkex("poll 408", "scenario 21")
def test_408_and_5xx_are_asked_again_without_a_pause(spoilt: Tinkex, wire: Wire) -> None:
    assert in_the_way(wire, spoilt, {"status": 408}, {"status": 503}, {"status": 500})()["type"] == "optim_step"
    assert spoilt.slept == []
    assert len(wire.of(FUTURE)) == 4


@pytest.mark.tinkex("scenario 22")
def test_polls_without_end_are_given_up_by_the_callers_timeout(spoilt: Tinkex, wire: Wire) -> None:
    result = in_the_way(wire, spoilt, {"status": 408, "times": 3})
    with pytest.raises(TinkexError) as caught:
        result(polls=3)
    assert caught.value.status == 408
    # The server has kept the result for who asks later.
    assert result()["type"] == "optim_step"


@pytest.mark.tinkex("poll 400", "scenario 19")
def test_an_empty_400_is_asked_again(spoilt: Tinkex, wire: Wire) -> None:
    empty = {"status": 400, "content": b"", "headers": {}}
    assert in_the_way(wire, spoilt, empty, empty)()["type"] == "optim_step"


@pytest.mark.tinkex("scenario 23")
def test_a_400_with_a_message_ends_it(tinkex: Tinkex) -> None:
    """As a server's own refusal does: here of a request id that is no text."""
    with pytest.raises(TinkexError) as caught:
        tinkex.call("POST", FUTURE, {"request_id": 5, "allow_metadata_only": True}, retries=0)
    assert caught.value.status in {400, 422}
    assert "request_id" in caught.value.message
    with pytest.raises(TinkexError) as caught:
        tinkex.poll("never-given-out", "OptimStep")
    assert (caught.value.status, tinkex.slept) == (404, [])


@pytest.mark.tinkex("poll 410", "scenario 20")
def test_an_expired_result_is_a_410_that_says_what_to_do(tinkex: Tinkex) -> None:
    model = tinkex.new_model()
    result = tinkex.optim_step(model)
    tinkex.save(model, "behind-it")
    two_days = {"seconds": 2 * 86_400, "api_key": tinkex.key}
    httpx.post(f"{tinkex.url}/__admin/clock/advance", json=two_days).raise_for_status()
    with pytest.raises(TinkexError, match="has expired: submit the request again") as caught:
        result()
    assert (caught.value.status, caught.value.category, tinkex.slept) == (410, "user", [])


@pytest.mark.tinkex("poll 429")
def test_429_ends_it_and_the_server_never_sends_one(spoilt: Tinkex, wire: Wire) -> None:
    result = in_the_way(wire, spoilt, {"status": 429})
    with pytest.raises(TinkexError) as caught:
        result()
    assert caught.value.status == 429
    assert result()["type"] == "optim_step"


@pytest.mark.tinkex("poll cut", "scenario 24")
def test_a_cut_connection_is_survived(spoilt: Tinkex, wire: Wire) -> None:
    result = in_the_way(wire, spoilt, {"status": 0, "forwarded": True}, {"status": 0})
    assert result()["type"] == "optim_step"
    assert spoilt.slept == [1.0, 2.0]


@pytest.mark.tinkex("scenario 25")
@pytest.mark.parametrize(
    "body", [{"error": "broken", "category": "user"}, {"metrics": {"a": 1}}, {"type": "try_again"}]
)
def test_a_malformed_result_crashes_the_poll_and_not_the_run(spoilt: Tinkex, wire: Wire, body: dict[str, Any]) -> None:
    """Python's form of a failure, a result without type, try_again without queue_state."""
    model = spoilt.new_model()
    result = spoilt.optim_step(model)
    wire.spoil(FUTURE, status=200, body=body)
    with pytest.raises(Crash):
        result()
    assert len(spoilt.train(model, 2)) == 2
