"""The order in which requests come, and come again, is not the order in which they must be executed."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_tests.harness.sdk import Sdk
    from client_tests.harness.server import Server
    from client_tests.harness.wire import Exchange, Wire


def train_in_chunks(service_client: Any, tinker: Any, kit: Any) -> dict[str, Any]:
    """Two steps of 2,100 data, which the SDK cuts in three chunks, and what came of them."""
    training = kit.trainer(service_client)
    data = [kit.datum([100 + i % 50, 200 + i % 7, 300 + i % 3]) for i in range(2100)]
    first = training.forward_backward(data, "cross_entropy").result()
    training.optim_step(kit.adam()).result()
    second = training.forward_backward(data, "cross_entropy").result()
    return {
        "losses": [first.metrics["loss:sum"], second.metrics["loss:sum"]],
        "logprobs": [value for each in kit.logprobs(second) for value in each],
    }


@pytest.mark.trap(3)
def test_chunks_that_come_out_of_order_train_like_chunks_in_order(
    sdk: Sdk, wire: Wire, server_with: Callable[..., Server]
) -> None:
    in_order = server_with(client_config={"parallel_fwdbwd_chunks": False})
    parallel = sdk.at(wire.url).run(train_in_chunks)
    assert len(parallel["logprobs"]) == 2 * 2100
    assert parallel == sdk.at(in_order.url).run(train_in_chunks)
    assert parallel["losses"][1] < parallel["losses"][0]


@pytest.mark.trap(3)
def test_a_later_chunk_is_accepted_and_awaited_before_the_first_one_comes(sdk: Sdk, wire: Wire) -> None:
    sdk.at(wire.url).run(train_in_chunks)
    bodies = [seq_id_of(exchange) for exchange in wire.of("forward_backward")[:3]]
    assert bodies[-1] == 1
    assert sorted(bodies) == [1, 2, 3]
    first_chunk = wire.of("forward_backward")[2]
    assert any(exchange.began < first_chunk.began for exchange in polls(wire, "ForwardBackward"))


@pytest.mark.trap(4)
@pytest.mark.parametrize("mistake", ["a/name", "", "x" * 300])
def test_a_refused_request_has_used_up_its_number_and_nothing_waits_for_it(sdk: Sdk, mistake: str) -> None:
    def program(service_client: Any, kit: Any, mistake: str) -> dict[str, Any]:
        kit.clock("manual")  # so that a gap would never be given up, and what stands behind it never be done
        training = kit.trainer(service_client)
        kit.steps(training, 1)
        refused: dict[str, Any] = kit.raised(training.save_state(mistake).result)
        kit.steps(training, 1)
        return refused

    refused = sdk.run(program, mistake=mistake)
    assert refused["type"] == "BadRequestError"
    assert refused["body"]["category"] == "user"


@pytest.mark.trap(4)
def test_a_refused_lifetime_does_not_hold_up_the_run_either(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> dict[str, Any]:
        kit.clock("manual")
        training = kit.trainer(service_client)
        refused: dict[str, Any] = kit.raised(training.save_state("short", ttl_seconds=60).result)
        kit.steps(training, 1)
        return refused

    refused = sdk.run(program)
    assert refused["status"] == 400
    assert "3600" in refused["message"]


@pytest.mark.trap(4)
def test_a_number_that_never_comes_is_given_up_after_a_while(http: httpx.Client, server: Server, key: str) -> None:
    control = httpx.Client(base_url=f"{server.url}/__admin/")

    def advance(seconds: float) -> None:
        control.post("clock/advance", json={"seconds": seconds, "api_key": key}).raise_for_status()

    control.put("clock", json={"mode": "manual", "api_key": key}).raise_for_status()
    session = http.post("create_session", json={"tags": [], "sdk_version": "0.38.0"}).json()["session_id"]
    model = {"session_id": session, "model_seq_id": 0, "base_model": "Qwen/Qwen3-8B"}
    run = http.post("create_model", json=model).json()["model_id"]
    step = http.post("optim_step", json={"model_id": run, "seq_id": 3}).json()["request_id"]
    for seconds, operations in ((4.9, {"succeeded": 1, "queued": 1}), (0.1, {"succeeded": 2})):
        advance(seconds)
        (state,) = control.get("runs", params={"api_key": key}).json()["runs"]
        assert state["operations"] == operations
    assert "metrics" in http.post("retrieve_future", json={"request_id": step}).json()
    control.close()


def train_and_say(service_client: Any, kit: Any) -> list[float]:
    return kit.steps(kit.trainer(service_client), 3)  # type: ignore[no-any-return]


# The SDK honours retry-after-ms within a request, where it keeps the key; x-should-retry false sends it to its outer
# loop, which comes again with a new one.
AGAIN_WITH_THE_SAME_KEY = {"retry-after-ms": "1"}
AGAIN_WITH_A_NEW_KEY = {"x-should-retry": "false"}


@pytest.mark.trap(5)
@pytest.mark.parametrize(
    ("status", "headers", "keys"),
    [
        (500, AGAIN_WITH_THE_SAME_KEY, 1),
        (429, AGAIN_WITH_THE_SAME_KEY, 1),
        (503, AGAIN_WITH_A_NEW_KEY, 2),
        (409, AGAIN_WITH_A_NEW_KEY, 2),
        (0, {}, 1),
    ],
    ids=["500", "429", "503 with a new key", "409 with a new key", "a cut connection"],
)
@pytest.mark.parametrize("path", ["optim_step", "forward_backward"])
def test_a_repeated_number_gets_the_first_answer_and_runs_once(
    sdk: Sdk, wire: Wire, path: str, status: int, headers: dict[str, str], keys: int
) -> None:
    undisturbed = sdk.run(train_and_say)
    wire.spoil(path, status=status, headers=headers, when=lambda body: seq_id_in(body) in {3, 4})
    assert sdk.at(wire.url).run(train_and_say) == undisturbed
    twice = [exchange for exchange in wire.of(path) if seq_id_of(exchange) in {3, 4}]
    assert [exchange.status for exchange in twice] == [status, 200]
    assert len({exchange.headers["x-idempotency-key"] for exchange in twice}) == keys
    assert len({exchange.body for exchange in twice}) == 1


@pytest.mark.trap(5)
@pytest.mark.parametrize("path", ["create_model", "create_sampling_session", "asample", "save_weights_for_sampler"])
def test_a_repeated_creation_gets_what_the_first_made(sdk: Sdk, wire: Wire, path: str) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        training = kit.trainer(service_client)
        ephemeral = training.save_weights_and_get_sampling_client().result()
        sampler = service_client.create_sampling_client(base_model=kit.BASE_MODEL).result()
        answers = [each.sample(kit.prompt(), 1, kit.greedy()).result() for each in (ephemeral, sampler)]
        session = kit.rest(service_client).get_session(service_client.holder.get_session_id()).result()
        return [
            len(session.training_run_ids),
            len(session.sampler_ids),
            [answer.sequences[0].tokens for answer in answers],
        ]

    undisturbed = sdk.run(program)
    assert undisturbed[:2] == [1, 2]
    wire.spoil(path, status=503, headers=AGAIN_WITH_THE_SAME_KEY)
    assert sdk.at(wire.url).run(program) == undisturbed
    assert [exchange.status for exchange in wire.of(path)][:2] == [503, 200]


def test_a_number_used_for_two_requests_is_a_conflict_that_harms_nothing(http: httpx.Client) -> None:
    session = http.post("create_session", json={"tags": [], "sdk_version": "0.38.0"}).json()["session_id"]
    model = {"session_id": session, "model_seq_id": 0, "base_model": "Qwen/Qwen3-8B"}
    run = http.post("create_model", json=model).json()["model_id"]
    step = {"model_id": run, "seq_id": 1}
    first = http.post("optim_step", json=step)
    other = http.post("optim_step", json=step | {"adam_params": {"learning_rate": 0.5}})
    assert other.status_code == 409
    assert "seq_id 1" in other.json()["detail"]
    assert http.post("optim_step", json=step).json() == first.json()
    assert "metrics" in http.post("retrieve_future", json={"request_id": first.json()["request_id"]}).json()


def test_numbers_go_on_without_holes_over_all_kinds_of_requests(sdk: Sdk, wire: Wire) -> None:
    def program(service_client: Any, kit: Any) -> None:
        training = kit.trainer(service_client)
        kit.steps(training, 2)
        path = training.save_state("a").result().path
        training.load_state(path).result()
        training.save_weights_for_sampler("b").result()
        training.save_weights_and_get_sampling_client().result()
        kit.steps(training, 1)

    sdk.at(wire.url).run(program)
    numbered = ("forward_backward", "optim_step", "save_weights", "load_weights", "save_weights_for_sampler")
    numbers = sorted(seq_id_of(exchange) for path in numbered for exchange in wire.of(path))
    assert numbers[0] == 1
    assert all(later == earlier + 1 for earlier, later in pairwise(numbers))


def polls(wire: Wire, kind: str) -> list[Exchange]:
    return [e for e in wire.of("retrieve_future") if e.headers["x-tinker-request-type"] == kind]


def seq_id_of(exchange: Exchange) -> int:
    return seq_id_in(exchange.body)


def seq_id_in(body: bytes) -> int:
    """Of a request in JSON or protobuf."""
    from mock_server.codec import decode_header

    if body.startswith(b"{"):
        import json

        return int(json.loads(body)["seq_id"])
    return decode_header(body, "application/x-protobuf").seq_id or 0
