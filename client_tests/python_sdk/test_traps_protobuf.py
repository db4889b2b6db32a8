"""Which bodies are protobuf, and what must stand in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

    from client_tests.harness.sdk import Sdk
    from client_tests.harness.wire import Wire

PROTOBUF = "application/x-protobuf"
RESULTS_IN_PROTOBUF = {"Forward", "ForwardBackward", "Sample"}


@pytest.mark.trap(1)
def test_results_with_tensors_are_protobuf_and_all_others_json(sdk: Sdk, wire: Wire) -> None:
    def program(service_client: Any, kit: Any) -> None:
        training = kit.trainer(service_client)
        training.forward([kit.datum()], "cross_entropy").result()
        kit.steps(training, 1)
        training.save_state("one").result()
        sampler = training.save_weights_and_get_sampling_client().result()
        sampler.sample(kit.prompt(), 1, kit.greedy()).result()
        sampler.compute_logprobs(kit.prompt()).result()

    sdk.at(wire.url).run(program)
    submitted = {exchange.headers["content-type"] for exchange in wire.of("forward_backward")}
    assert submitted == {PROTOBUF}
    finished = [exchange for exchange in wire.of("retrieve_future") if exchange.status == 200]
    kinds = {
        exchange.headers["x-tinker-request-type"]: exchange.answer_headers["content-type"] for exchange in finished
    }
    assert {kind for kind, content_type in kinds.items() if content_type == PROTOBUF} == RESULTS_IN_PROTOBUF
    assert {kinds[kind] for kind in kinds.keys() - RESULTS_IN_PROTOBUF} == {"application/json"}


@pytest.mark.trap(1)
def test_a_failure_is_json_also_where_a_result_would_be_protobuf(sdk: Sdk, wire: Wire) -> None:
    def program(service_client: Any, kit: Any) -> dict[str, Any]:
        training = kit.trainer(service_client)
        refused = kit.raised(training.forward_backward([kit.datum()], "no_such_loss").result)
        kit.steps(training, 1)
        return refused  # type: ignore[no-any-return]

    refused = sdk.at(wire.url).run(program)
    assert refused["type"] == "RequestFailedError"
    assert refused["category"] == "user"
    assert "no_such_loss" in refused["message"]
    failed = [e for e in wire.of("retrieve_future") if b"no_such_loss" in e.answer]
    assert [(e.status, e.answer_headers["content-type"]) for e in failed] == [(200, "application/json")]


@pytest.mark.trap(2)
def test_forward_is_a_forward_backward_that_leaves_no_gradients(sdk: Sdk, wire: Wire) -> None:
    def program(service_client: Any, kit: Any) -> list[float]:
        training = kit.trainer(service_client)
        losses = [training.forward([kit.datum()], "cross_entropy").result().metrics["loss:sum"] for _ in range(2)]
        training.optim_step(kit.adam()).result()
        return [*losses, *kit.steps(training, 1)]

    first, again, after_a_step_of_nothing = sdk.at(wire.url).run(program)
    assert first == again == after_a_step_of_nothing
    assert wire.of("forward") == []


@pytest.mark.trap(6)
def test_every_sampled_sequence_has_an_id_of_its_own(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[str]:
        sampler = service_client.create_sampling_client(base_model=kit.BASE_MODEL).result()
        futures = [sampler.sample(kit.prompt(), 3, kit.greedy()) for _ in range(2)]
        return [sequence.sequence_id for future in futures for sequence in future.result().sequences]

    assert len(set(sdk.run(program))) == 6


@pytest.mark.trap(7)
@pytest.mark.parametrize(
    "loss_fn", ["cross_entropy", "importance_sampling", "ppo", "cispo", "dro", "gspo", "stable_reinforce"]
)
def test_metric_keys_are_a_name_and_a_known_reduction(sdk: Sdk, loss_fn: str) -> None:
    def program(service_client: Any, tinker: Any, kit: Any, loss_fn: str) -> dict[str, Any]:
        datum = kit.datum()
        if loss_fn != "cross_entropy":
            count = len(datum.loss_fn_inputs["target_tokens"].data)
            numbers = tinker.TensorData(data=[-1.0] * count, dtype="float32", shape=[count])
            inputs = {"target_tokens": datum.loss_fn_inputs["target_tokens"]}
            inputs |= {"logprobs": numbers, "advantages": numbers}
            inputs |= {"sequence_ratio_mask": numbers} if loss_fn == "gspo" else {}
            datum = tinker.Datum(model_input=datum.model_input, loss_fn_inputs=inputs)
        output = kit.trainer(service_client).forward_backward([datum], loss_fn).result()
        return {"metrics": output.metrics, "outputs": sorted(output.loss_fn_outputs[0])}

    result = sdk.run(program, loss_fn=loss_fn)
    assert "loss:sum" in result["metrics"]
    assert "logprobs" in result["outputs"]
    for name in result["metrics"]:
        assert name.count(":") == 1
        assert name.partition(":")[2] in {"mean", "sum", "min", "max", "slack", "hash2", "unique"}


@pytest.mark.trap(8)
def test_the_configuration_that_a_client_can_not_start_without_is_there(http: httpx.Client) -> None:
    for endpoint in ("client/config", "client/dynamic_config"):
        answer = http.post(endpoint, json={"sdk_version": "0.38.0"})
        assert answer.status_code == 200
        assert isinstance(answer.json(), dict)
