"""`tinker checkpoint download`, in all its forms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyrage  # type: ignore[import-untyped]
from safetensors.numpy import load, load_file

if TYPE_CHECKING:
    import httpx

    from client_tests.cli.conftest import Made
    from client_tests.harness.cli import Cli
    from client_tests.harness.sdk import Sdk

FILES = ["adapter_config.json", "adapter_model.safetensors"]


def folder_of(path: str) -> str:
    return path.removeprefix("tinker://").replace("/", "_")


def files_in(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def test_a_training_checkpoint_comes_as_an_adapter_and_leaves_nothing_behind(
    cli: Cli, made: Made, http: httpx.Client
) -> None:
    path = made.paths["first"]
    told = cli.json("checkpoint", "download", path, "--output", "models/mine")
    folder = cli.home / "models" / "mine" / folder_of(path)
    assert cli.home / told["destination"] == folder
    files = files_in(folder)
    assert list(files) == FILES
    assert told["file_size_bytes"] == sum(map(len, files.values()))
    config = json.loads(files[FILES[0]])
    assert (config["base_model_name_or_path"], config["r"], config["peft_type"]) == ("Qwen/Qwen3-8B", 4, "LORA")
    assert any(tensor.any() for name, tensor in load_file(folder / FILES[1]).items() if "lora_B" in name)
    assert {each["tinker_path"] for each in http.get("checkpoints").json()["checkpoints"]} == set(made.paths.values())
    session = http.post("sessions/search", json={"limit": 1}).json()["sessions"][0]
    assert session["status"] == {"type": "client_finished", "reason": "success"} | session["status"]


def test_people_are_told_how_much_came_and_where_it_is(cli: Cli, made: Made) -> None:
    path = made.paths["exported"]
    table = cli.table("checkpoint", "download", path)
    assert f"Checkpoint Download: {path}" in table
    assert folder_of(path) in table
    assert list(files_in(cli.home / folder_of(path))) == FILES


def test_exported_weights_equal_the_training_checkpoints(cli: Cli, made: Made) -> None:
    folders = [
        cli.home / cli.json("checkpoint", "download", made.paths[name])["destination"]
        for name in ("second", "exported")
    ]
    assert files_in(folders[0]) == files_in(folders[1])


def test_what_is_there_is_overwritten_by_force_only(cli: Cli, made: Made) -> None:
    path = made.paths["exported"]
    folder = cli.home / folder_of(path)
    folder.mkdir()
    (folder / "mine.txt").write_text("keep me")
    assert "already exists" in cli.refused("checkpoint", "download", path)
    assert list(files_in(folder)) == ["mine.txt"]
    cli.table("checkpoint", "download", path, "--force")
    assert list(files_in(folder)) == FILES


def test_what_cannot_be_downloaded_leaves_no_folder(cli: Cli, made: Made) -> None:
    for path, told in (
        (made.paths["sampled"], "Sampler checkpoints cannot be downloaded"),
        (f"tinker://{made.run_id}/weights/nothing", "does not exist"),
        (f"tinker://{made.run_id}/external_weights/nothing", "does not exist"),
        ("first", "Invalid checkpoint path"),
    ):
        assert told in cli.refused("checkpoint", "download", path)
    assert not [entry for entry in cli.home.iterdir() if entry.name.startswith(made.run_id)]


def test_a_stranger_downloads_what_is_published(cli: Cli, made: Made) -> None:
    stranger, path = cli.as_tenant(f"{cli.key}-stranger"), made.paths["first"]
    assert "does not exist" in stranger.refused("checkpoint", "download", path)
    cli.table("checkpoint", "publish", path)
    folder = cli.home / stranger.json("checkpoint", "download", path)["destination"]
    assert list(files_in(folder)) == FILES


def test_encrypted_files_come_as_they_are_and_their_recipient_reads_them(cli: Cli, sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any, recipient: str) -> str:
        trainer = kit.trainer(service_client)
        kit.steps(trainer, 1)
        return str(trainer.save_weights_external("sealed", age_encryption_recipients=[recipient]).result().path)

    identity = pyrage.x25519.Identity.generate()
    path = sdk.run(program, recipient=str(identity.to_public()))
    files = files_in(cli.home / cli.json("checkpoint", "download", path)["destination"])
    assert list(files) == [f"{name}.age" for name in FILES]
    assert load(pyrage.decrypt(files[f"{FILES[1]}.age"], [identity]))


def test_the_owner_reads_of_each_download_in_the_audit_log(cli: Cli, made: Made, http: httpx.Client) -> None:
    for name in ("exported", "first"):
        cli.json("checkpoint", "download", made.paths[name])
    entries = http.get("audit", params={"event_type": "checkpoints"}).json()["entries"]
    reads = [(each["tinker_path"], each["purpose"]) for each in entries if each["event"] == "checkpoint_read"]
    assert reads[:2] == [(made.paths["exported"], "download"), (made.paths["first"], "training")]
    assert reads[2][0].endswith("/external_weights/download")
    assert reads[2][1] == "download"
