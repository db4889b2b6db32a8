"""Ids and paths: clients predict some, and put others raw into URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

    from client_tests.harness.sdk import Sdk
    from client_tests.harness.wire import Wire


@pytest.mark.trap(10)
def test_saying_twice_what_is_so_already_is_no_conflict(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        import time

        path = kit.trainer(service_client).save_state("one").result().path
        rest = kit.rest(service_client)
        began = time.monotonic()
        public = []
        for call in (rest.publish_checkpoint_from_tinker_path, rest.unpublish_checkpoint_from_tinker_path):
            for _ in range(2):
                call(path).result()
                public.append(rest.list_user_checkpoints().result().checkpoints[0].public)
        rest.delete_checkpoint_from_tinker_path(path).result()
        deleted = kit.raised(rest.delete_checkpoint_from_tinker_path(path).result)
        return [public, deleted, time.monotonic() - began]

    public, deleted, seconds = sdk.run(program)
    assert public == [True, True, False, False]
    assert deleted["type"] == "NotFoundError"
    assert seconds < 5


@pytest.mark.trap(10)
def test_a_name_that_is_taken_fails_in_words_and_at_once(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        training = kit.trainer(service_client)
        training.save_state("taken").result()
        refused = [kit.raised(training.save_state("taken").result)]
        training.save_weights_for_sampler("taken").result()
        refused.append(kit.raised(training.save_weights_for_sampler("taken").result))
        training.save_state("taken", overwrite=True).result()
        return [refused, kit.steps(training, 1)]

    refused, _ = sdk.run(program, timeout=30)
    for each in refused:
        assert (each["type"], each["category"]) == ("RequestFailedError", "user")
        assert "Checkpoint with the same name already exists" in each["message"]


@pytest.mark.trap(11)
def test_checkpoint_ids_with_a_slash_and_run_ids_with_colons_go_into_urls_as_they_are(sdk: Sdk, wire: Wire) -> None:
    def program(service_client: Any, kit: Any) -> dict[str, Any]:
        training = kit.trainer(service_client)
        path = training.save_state("a.name-with=signs").result().path
        rest = kit.rest(service_client)
        checkpoint = rest.list_checkpoints(training.model_id).result().checkpoints[0]
        rest.publish_checkpoint_from_tinker_path(path).result()
        rest.set_checkpoint_ttl_from_tinker_path(path, 7200).result()
        run = rest.get_training_run_by_tinker_path(path).result()
        rest.unpublish_checkpoint_from_tinker_path(path).result()
        rest.delete_checkpoint(training.model_id, checkpoint.checkpoint_id).result()
        left = rest.list_checkpoints(training.model_id).result().checkpoints
        return {"run": [training.model_id, run.training_run_id], "id": checkpoint.checkpoint_id, "left": len(left)}

    result = sdk.at(wire.url).run(program)
    assert result["id"] == "weights/a.name-with=signs"
    assert result["run"][0] == result["run"][1]
    assert result["left"] == 0
    run = result["run"][0]
    assert ":train:" in run
    one = f"/api/v1/training_runs/{run}/checkpoints/weights/a.name-with=signs"
    asked = [(e.method, e.path) for e in wire.exchanges if e.path.startswith(one)]
    assert asked == [
        ("POST", f"{one}/publish"),
        ("PUT", f"{one}/ttl"),
        ("DELETE", f"{one}/publish"),
        ("DELETE", one),
    ]


@pytest.mark.trap(12)
@pytest.mark.trap(13)
def test_a_client_from_a_checkpoint_finds_its_run_under_the_id_that_it_computed(sdk: Sdk, wire: Wire) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        training = kit.trainer(service_client)
        kit.steps(training, 1)
        path = training.save_state("one").result().path
        bare = service_client.create_training_client_from_state(path).result()
        whole = service_client.create_training_client_from_state_with_optimizer(path).result()
        losses = [kit.steps(each, 1) for each in (training, bare, whole)]
        session = service_client.holder.get_session_id()
        return [session, [training.model_id, bare.model_id, whole.model_id], losses]

    session, ids, losses = sdk.at(wire.url).run(program)
    assert ids == [f"{session}:train:{number}" for number in range(3)]
    assert losses[0] == losses[1] == losses[2]
    assert len(wire.of("create_model")) == 1
    assert wire.of("weights_info") == []
    loads = [exchange.request for exchange in wire.of("load_weights")]
    assert [(load["model_seq_id"], load["optimizer"]) for load in loads] == [(1, False), (2, True)]
    assert all("model_id" not in load and "seq_id" not in load for load in loads)
    assert {exchange.request["model_id"] for exchange in wire.of("get_info")} == set(ids)


@pytest.mark.trap(12)
@pytest.mark.parametrize("name", ["with/slash", "with space", "ümlaut", "..", "%2e"])
def test_a_name_that_a_path_can_not_hold_is_refused(http: httpx.Client, name: str) -> None:
    session = http.post("create_session", json={"tags": [], "sdk_version": "0.38.0"}).json()["session_id"]
    model = {"session_id": session, "model_seq_id": 0, "base_model": "Qwen/Qwen3-8B"}
    run = http.post("create_model", json=model).json()["model_id"]
    refused = http.post("save_weights", json={"model_id": run, "seq_id": 1, "path": name})
    assert refused.status_code == 400
    assert repr(name) in refused.json()["detail"]


@pytest.mark.trap(14)
def test_making_a_client_asks_what_it_is_made_of(sdk: Sdk, wire: Wire) -> None:
    def program(service_client: Any, kit: Any) -> dict[str, Any]:
        training = kit.trainer(service_client, rank=3)
        path = training.save_weights_for_sampler("one").result().path
        sampler = service_client.create_sampling_client(model_path=path).result()
        info = training.get_info()
        return {
            "base_model": sampler.get_base_model(),
            "name": info.model_data.model_name,
            "rank": info.lora_rank,
            "ids": [info.model_id, training.model_id],
        }

    result = sdk.at(wire.url).run(program)
    assert result["base_model"] == result["name"] == "Qwen/Qwen3-8B"
    assert result["rank"] == 3
    assert result["ids"][0] == result["ids"][1]
    created = wire.of("create_sampling_session")
    assert len(wire.of("get_info")) == 1
    assert wire.of(f"samplers/{created[0].result['sampling_session_id']}")[0].status == 200
    assert "tokenizer" not in "".join(exchange.path for exchange in wire.exchanges)


@pytest.mark.trap(15)
def test_the_newest_sdk_exports_and_never_asks_for_an_archive(sdk: Sdk, wire: Wire) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        from datetime import UTC, datetime
        from urllib.request import urlopen

        training = kit.trainer(service_client)
        kit.steps(training, 1)
        path = training.save_weights_external("export", ttl_seconds=3600).result().path
        rest = kit.rest(service_client)
        found = rest.get_external_weights_urls(path).result()
        sizes = {file: len(urlopen(url).read()) for file, url in found.urls.items()}
        return [hasattr(rest, "get_checkpoint_archive_url"), sizes, found.expires > datetime.now(UTC)]

    knows_archives, sizes, unexpired = sdk.at(wire.url).run(program)
    assert not knows_archives
    assert {"adapter_config.json", "adapter_model.safetensors"} <= sizes.keys()
    assert all(sizes.values())
    assert unexpired
    assert not any(exchange.path.endswith("/archive") for exchange in wire.exchanges)


@pytest.mark.trap(16)
def test_lists_name_every_kind_of_checkpoint_to_who_knows_it(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[list[str]]:
        training = kit.trainer(service_client)
        training.save_state("one").result()
        training.save_weights_for_sampler("two").result()
        training.save_weights_and_get_sampling_client().result()
        training.save_weights_external("three").result()
        rest = kit.rest(service_client)
        lists = (rest.list_user_checkpoints(), rest.list_checkpoints(training.model_id))
        return [[checkpoint.checkpoint_type for checkpoint in each.result().checkpoints] for each in lists]

    assert sdk.run(program) == [["external", "sampler", "training"]] * 2
