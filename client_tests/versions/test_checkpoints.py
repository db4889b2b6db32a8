"""Checkpoints, with every version of the official SDK: listed, published, kept for a time, downloaded, deleted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from client_tests.harness.cli import Cli
from client_tests.versions.matrix import lives

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from client_tests.harness.sdk import Sdk

FILES = ["adapter_config.json", "adapter_model.safetensors"]


@lives("checkpoints")
def test_a_runs_checkpoints_are_listed_the_newest_first(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        training = kit.trainer(service_client)
        run = training.get_info().model_id
        training.save_state("first").result()
        training.save_weights_for_sampler("second").result()
        if kit.has("TrainingClient.save_weights_external"):
            training.save_weights_external("third").result()
        found = kit.rest(service_client).list_checkpoints(run).result().checkpoints
        return [[each.checkpoint_id, each.checkpoint_type] for each in found]

    found = sdk.run(program)
    assert found[-2:] == [["sampler_weights/second", "sampler"], ["weights/first", "training"]]
    assert found[:-2] in ([], [["external_weights/third", "external"]])


@lives("all_checkpoints")
def test_all_checkpoints_are_listed_in_pages(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        for rank in (2, 3):
            kit.trainer(service_client, rank=rank).save_state(f"rank-{rank}").result()
        rest = kit.rest(service_client)
        pages = [rest.list_user_checkpoints(limit=1, offset=offset).result() for offset in (0, 1)]
        return [[page.checkpoints[0].checkpoint_id, page.cursor.total_count] for page in pages]

    assert sdk.run(program) == [["weights/rank-3", 2], ["weights/rank-2", 2]]


@lives("publish")
def test_a_checkpoint_is_published_and_taken_back(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[bool]:
        path = kit.trainer(service_client).save_state("one").result().path
        rest = kit.rest(service_client)

        def public() -> bool:
            return rest.list_user_checkpoints().result().checkpoints[0].public  # type: ignore[no-any-return]

        seen = [public()]
        rest.publish_checkpoint_from_tinker_path(path).result()
        seen.append(public())
        rest.unpublish_checkpoint_from_tinker_path(path).result()
        return [*seen, public()]

    assert sdk.run(program) == [False, True, False]


@lives("weights_info")
def test_a_checkpoint_says_what_it_was_made_from(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        path = kit.trainer(service_client, rank=8).save_state("one").result().path
        info = kit.rest(service_client).get_weights_info_by_tinker_path(path).result()
        return [info.base_model, info.is_lora, info.lora_rank]

    assert sdk.run(program) == ["Qwen/Qwen3-8B", True, 8]


@lives("ttl")
def test_a_checkpoint_saved_for_a_time_says_until_when(sdk: Sdk, http: httpx.Client) -> None:
    def program(service_client: Any, kit: Any) -> None:
        training = kit.trainer(service_client)
        training.save_state("kept").result()
        training.save_state("fleeting", ttl_seconds=3600).result()

    sdk.run(program)
    # By raw HTTP: some SDKs can set a time and not read it.
    found = http.get("checkpoints").json()["checkpoints"]
    until = {each["checkpoint_id"]: each["expires_at"] for each in found}
    assert until["weights/kept"] is None
    left = datetime.fromisoformat(until["weights/fleeting"]) - datetime.now(UTC)
    assert 3500 < left.total_seconds() <= 3600


@lives("set_ttl")
def test_a_checkpoints_time_is_changed_and_lifted(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        from datetime import UTC, datetime

        path = kit.trainer(service_client).save_state("one").result().path
        rest = kit.rest(service_client)

        def left() -> Any:
            until = rest.list_user_checkpoints().result().checkpoints[0].expires_at
            return until and (until - datetime.now(UTC)).total_seconds()

        rest.set_checkpoint_ttl_from_tinker_path(path, 7200).result()
        limited = left()
        rest.set_checkpoint_ttl_from_tinker_path(path, None).result()
        return [limited, left()]

    limited, lifted = sdk.run(program)
    assert 7100 < limited <= 7200
    assert lifted is None


@lives("overwrite")
def test_a_checkpoint_is_overwritten_where_that_is_asked_for(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        training = kit.trainer(service_client)
        training.save_state("one").result()
        kit.steps(training, 1)
        refused = kit.raised(lambda: training.save_state("one").result())
        path = training.save_state("one", overwrite=True).result().path
        undisturbed = kit.steps(training, 2)
        training.load_state_with_optimizer(path).result()
        return [refused["message"], undisturbed, kit.steps(training, 2)]

    message, undisturbed, loaded = sdk.run(program)
    assert "same name already exists" in message
    assert loaded == undisturbed


@lives("metadata")
def test_a_checkpoint_keeps_what_its_owner_says_of_it(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        training = kit.trainer(service_client)
        training.save_state("one", user_metadata={"step": "1"}).result()
        training.save_weights_for_sampler("two", user_metadata={"step": "2"}).result()
        return [each.user_metadata for each in kit.rest(service_client).list_user_checkpoints().result().checkpoints]

    assert sdk.run(program) == [{"step": "2"}, {"step": "1"}]


@lives("delete")
def test_a_deleted_checkpoint_is_gone(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        training = kit.trainer(service_client)
        run = training.get_info().model_id
        paths = [training.save_state(name).result().path for name in ("one", "two", "three")]
        rest = kit.rest(service_client)
        rest.delete_checkpoint(run, "weights/one").result()
        rest.delete_checkpoint_from_tinker_path(paths[1]).result()
        left = [each.checkpoint_id for each in rest.list_checkpoints(run).result().checkpoints]
        return [left, kit.raised(lambda: training.load_state(paths[0]).result())["message"]]

    left, message = sdk.run(program)
    assert left == ["weights/three"]
    assert "weights/one" in message


@lives("archive")
def test_an_archive_is_downloaded_from_an_address_that_needs_no_key(sdk: Sdk, tmp_path: Path) -> None:
    """In the program, and by the release's own command, which 0.3.0 lacks."""

    def program(service_client: Any, kit: Any) -> list[Any]:
        import io
        import tarfile
        from urllib.request import urlopen

        training = kit.trainer(service_client)
        run = training.get_info().model_id
        path = training.save_state("one").result().path
        training.save_weights_for_sampler("two").result()
        rest = kit.rest(service_client)
        archives = [
            rest.get_checkpoint_archive_url_from_tinker_path(path).result(),
            rest.get_checkpoint_archive_url(run, "sampler_weights/two").result(),
        ]
        contents = []
        for archive in archives:
            with urlopen(archive.url) as answer:
                content = io.BytesIO(answer.read())
            with tarfile.open(fileobj=content, mode="r") as tar:
                contents.append(tar.getnames())
        return [path, *contents]

    path, training, sampling = sdk.run(program)
    assert set(FILES) < set(training)
    assert set(FILES) < set(sampling) < set(training)
    if sdk.runner.version != "0.3.0":
        command = Cli(sdk.url, sdk.key, tmp_path, version=sdk.runner.version)
        folder = command.home / command.json("checkpoint", "download", path)["destination"]
        assert sorted(file.name for file in folder.iterdir()) == sorted(training)


@lives("external")
def test_external_weights_are_exported_and_downloaded(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        from urllib.request import urlopen

        training = kit.trainer(service_client)
        path = training.save_weights_external("one").result().path
        rest = kit.rest(service_client)
        # The first SDK with it asked for run and checkpoint.
        by_path = kit.has("RestClient.get_external_weights_urls(tinker_path)")
        address = (path,) if by_path else (training.get_info().model_id, "external_weights/one")
        sizes = {}
        for name, url in rest.get_external_weights_urls(*address).result().urls.items():
            with urlopen(url) as answer:
                sizes[name] = len(answer.read())
        return [sorted(sizes), min(sizes.values())]

    names, smallest = sdk.run(program)
    assert names == FILES
    assert smallest > 0


@lives("copy")
def test_a_checkpoint_is_copied_into_the_clients_project(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        training = kit.trainer(service_client)
        kit.steps(training, 2)
        path = training.save_state("one").result().path
        copied = service_client.copy_weights(path).result()
        restore = service_client.create_training_client_from_state_with_optimizer
        return [path, copied, *(kit.steps(kit.client(restore(each)), 2) for each in (path, copied))]

    path, copied, original, copy = sdk.knowing(TINKER_PROJECT_ID="project-7").run(program)
    assert copied != path
    assert copy == original
