"""How long a client waits, and how often it asks meanwhile: the SDK itself never sleeps between two polls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from client_tests.harness.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from client_tests.harness.sdk import Sdk
    from client_tests.harness.server import Server


def train_once_by_the_clock(service_client: Any, kit: Any) -> float:
    """How much of the tenant's time a step takes, in seconds."""
    before: float = kit.now()
    kit.steps(kit.trainer(service_client), 1)
    return kit.now() - before  # type: ignore[no-any-return]


@pytest.mark.trap(9)
def test_a_slow_result_is_polled_once(server_with: Callable[..., Server], sdk: Sdk) -> None:
    slow = server_with(dials={"forward_backward": "after:25"}, clock="auto")
    with Wire(slow.url) as wire:
        passed = sdk.at(wire.url).run(train_once_by_the_clock)
        polls = [e for e in wire.of("retrieve_future") if e.headers["x-tinker-request-type"] == "ForwardBackward"]
        assert len(polls) == 1
        assert passed >= 25


@pytest.mark.trap(9)
def test_a_poll_that_ends_without_a_result_has_waited_its_full_time(
    server_with: Callable[..., Server], sdk: Sdk
) -> None:
    dials = {"forward_backward": "after:25/paused_capacity/all is busy"}
    impatient = server_with(dials=dials, poll_seconds=6, clock="auto")
    with Wire(impatient.url) as wire:
        passed = sdk.at(wire.url).run(train_once_by_the_clock)
        polls = [e for e in wire.of("retrieve_future") if e.headers["x-tinker-request-type"] == "ForwardBackward"]
        *pending, last = polls
        assert len(pending) == 4
        assert passed >= 25
        # 408 and not 200, for which the SDK would log a warning each time.
        assert {e.status for e in pending} == {408}
        assert pending[0].result["type"] == "try_again"
        assert pending[0].result["queue_state"] == "paused_capacity"
        assert pending[0].result["queue_state_reason"] == "all is busy"
        assert last.status == 200


@pytest.mark.trap(9)
def test_a_failure_is_an_answer_and_no_server_error_to_be_asked_for_ever(sdk: Sdk, wire: Wire) -> None:
    def program(service_client: Any, tinker: Any, kit: Any) -> list[Any]:
        training = kit.trainer(service_client)
        sampler = service_client.create_sampling_client(base_model=kit.BASE_MODEL).result()
        outside = kit.datum([1, 2, 99_999_999])
        missing = tinker.Datum(model_input=kit.prompt(), loss_fn_inputs={})
        return [
            kit.raised(training.forward_backward([outside], "cross_entropy").result),
            kit.raised(training.forward_backward([missing], "cross_entropy").result),
            kit.raised(training.load_state("tinker://a:train:0/weights/none").result),
            kit.raised(sampler.sample(kit.prompt([1] * 40_000), 1, kit.greedy()).result),
        ]

    refused = sdk.at(wire.url).run(program, timeout=30)
    assert [(each["type"], each["category"]) for each in refused] == [("RequestFailedError", "user")] * 4
    assert "99999999" in refused[0]["message"]
    assert "40000 tokens" in refused[3]["message"]
    failures = [e for e in wire.of("retrieve_future") if b'"error"' in e.answer]
    assert [e.status for e in failures] == [200] * 4


@pytest.mark.trap(9)
def test_all_who_ask_for_one_result_get_it(http: httpx.Client) -> None:
    session = http.post("create_session", json={"tags": [], "sdk_version": "0.38.0"}).json()["session_id"]
    model = {"session_id": session, "model_seq_id": 0, "base_model": "Qwen/Qwen3-8B"}
    creation = http.post("create_model", json=model).json()
    answers = [http.post("retrieve_future", json={"request_id": creation["request_id"]}).json() for _ in range(3)]
    assert answers == [{"model_id": creation["model_id"], "type": "create_model"}] * 3


@pytest.mark.trap(18)
def test_nothing_that_a_program_does_wrong_pauses_it(sdk: Sdk, wire: Wire) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        training = kit.trainer(service_client)
        rest = kit.rest(service_client)
        return [
            kit.raised(lambda: service_client.create_lora_training_client("no/such-model").result()),
            kit.raised(lambda: service_client.create_lora_training_client(kit.BASE_MODEL, rank=100_000).result()),
            kit.raised(lambda: service_client.create_sampling_client(base_model="no/such-model").result()),
            kit.raised(rest.get_training_run("no-such-run").result),
            kit.raised(rest.get_session("no-such-session").result),
            kit.raised(training.save_state("x/y").result),
        ]

    refused = sdk.at(wire.url).run(program, timeout=30)
    assert [each["status"] for each in refused] == [404, 400, 404, 404, 404, 400]
    retried = {402, 408, 409, 429}
    assert {e.status for e in wire.exchanges if e.path != "/api/v1/retrieve_future"} & retried == set()
    assert all(e.status < 500 for e in wire.exchanges)
