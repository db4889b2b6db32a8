"""What the SDK's strict validation wants of answers, and which keys it sends."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

    from client_tests.harness.sdk import Sdk
    from client_tests.harness.wire import Wire


@pytest.mark.trap(17)
def test_every_answer_passes_the_strict_validation_of_the_sdk(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> dict[str, Any]:
        training = kit.trainer(service_client)
        kit.steps(training, 1)
        path = training.save_state("one", ttl_seconds=7200).result().path
        sampler = training.save_weights_and_get_sampling_client().result()
        rest = kit.rest(service_client)
        session = service_client.holder.get_session_id()
        run = rest.get_training_run(training.model_id).result()
        checkpoint = rest.list_checkpoints(training.model_id).result().checkpoints[0]
        weights = rest.get_weights_info_by_tinker_path(path).result()
        capabilities = rest.get_server_capabilities().result().supported_models
        return {
            "aware": [
                moment.tzinfo is not None for moment in (run.last_request_time, checkpoint.time, checkpoint.expires_at)
            ],
            "run": [run.base_model, run.lora_rank, run.is_lora, run.corrupted, run.last_checkpoint.tinker_path == path],
            "runs": rest.list_training_runs().result().cursor.total_count,
            "sessions": session in rest.list_sessions().result().sessions,
            "content": [
                rest.get_session(session).result().training_run_ids == [training.model_id],
                len(rest.get_session(session).result().sampler_ids),
            ],
            "sampler": rest.get_sampler(sampler._sampling_session_id).result().base_model,
            "weights": [weights.base_model, weights.is_lora, weights.lora_rank, weights.optimizer_config.type],
            "models": {model.model_name: model.trainable for model in capabilities}.get(kit.BASE_MODEL),
            "size": checkpoint.size_bytes > 1000,
        }

    base = "Qwen/Qwen3-8B"
    assert sdk.run(program) == {
        "aware": [True, True, True],
        "run": [base, 4, True, False, True],
        "runs": 1,
        "sessions": True,
        "content": [True, 1],
        "sampler": base,
        "weights": [base, True, 4, "adamw"],
        "models": True,
        "size": True,
    }


@pytest.mark.trap(17)
def test_answers_are_json_objects_with_aware_timestamps(sdk: Sdk, wire: Wire) -> None:
    def program(service_client: Any, kit: Any) -> None:
        training = kit.trainer(service_client)
        training.save_state("one").result()
        rest = kit.rest(service_client)
        rest.list_user_checkpoints().result()
        rest.list_training_runs().result()

    sdk.at(wire.url).run(program)
    for exchange in wire.exchanges:
        if exchange.status == 200 and exchange.answer_headers["content-type"] != "application/x-protobuf":
            assert isinstance(exchange.result, dict), exchange.path
    checkpoint = wire.of("checkpoints")[0].result["checkpoints"][0]
    run = wire.of("training_runs")[0].result["training_runs"][0]
    for moment in (checkpoint["time"], run["last_request_time"]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", moment)


@pytest.mark.trap(19)
def test_the_key_goes_in_its_own_header_and_never_as_authorization(sdk: Sdk, wire: Wire) -> None:
    def program(service_client: Any, kit: Any) -> None:
        kit.trainer(service_client)

    sdk.at(wire.url).run(program)
    assert {exchange.headers["x-api-key"] for exchange in wire.exchanges} == {sdk.key}
    assert not any("authorization" in exchange.headers for exchange in wire.exchanges)


@pytest.mark.trap(19)
@pytest.mark.parametrize("key", ["tml-", "sk-123", "", "tml-with space", "eyJ.not.signed", "tml-" + "x" * 300])
def test_what_is_no_key_is_refused_with_401_for_ever(http: httpx.Client, key: str) -> None:
    refused = http.post("client/config", json={"sdk_version": "0.38.0"}, headers={"X-API-Key": key})
    assert refused.status_code == 401
    assert refused.json()["category"] == "user"
    assert not refused.json()["retryable"]


@pytest.mark.trap(19)
def test_the_sdk_itself_refuses_a_key_of_another_kind_before_any_request(sdk: Sdk, wire: Wire) -> None:
    def program(service_client: Any, kit: Any) -> dict[str, Any]:
        return kit.raised(lambda: service_client.holder)  # type: ignore[no-any-return]

    refused = sdk.at(wire.url).as_tenant("sk-123").run(program)
    assert "tml-" in refused["message"]
    assert wire.exchanges == []


@pytest.mark.trap(20)
def test_metadata_of_any_json_comes_back_as_text(sdk: Sdk) -> None:
    def program(tinker: Any, kit: Any) -> list[Any]:
        metadata = {"text": "é", "number": 1, "list": [1, "a"], "flag": True}
        service_client = tinker.ServiceClient(user_metadata=metadata)
        training = kit.trainer(service_client, user_metadata=metadata)
        path = training.save_state("one", user_metadata={"why": "test"}).result().path
        loaded = service_client.create_training_client_from_state(path, user_metadata=metadata).result()
        rest = kit.rest(service_client)
        answers = [
            rest.get_session(service_client.holder.get_session_id()).result().user_metadata,
            rest.get_training_run(training.model_id).result().user_metadata,
            rest.get_training_run(loaded.model_id).result().user_metadata,
            rest.list_user_checkpoints().result().checkpoints[0].user_metadata,
        ]
        kit.close(service_client)
        return answers

    *answers, checkpoint = sdk.run(program)
    assert answers == [{"text": "é", "number": "1", "list": '[1, "a"]', "flag": "true"}] * 3
    assert checkpoint == {"why": "test"}
