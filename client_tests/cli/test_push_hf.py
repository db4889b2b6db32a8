"""`tinker checkpoint push-hf` uploads what the server delivers: an adapter, and the facts for its model card."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from safetensors.numpy import load

from client_tests.cli.hub import Hub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_tests.cli.conftest import Made
    from client_tests.harness.cli import Cli

FILES = {"README.md", "adapter_config.json", "adapter_model.safetensors"}


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as hub:
        yield hub


@pytest.fixture
def cli(cli: Cli, hub: Hub) -> Cli:
    return cli.knowing(HF_ENDPOINT=hub.url, HF_TOKEN="hf_test", HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_TELEMETRY="1")


def test_a_training_checkpoint_is_uploaded_with_a_model_card(cli: Cli, hub: Hub, made: Made) -> None:
    path = made.paths["first"]
    told = cli.json("checkpoint", "push-hf", path)
    run = made.run_id.replace(":", "-")
    assert told == {"checkpoint_path": path, "repo_id": f"tinker-Qwen3-8B-{run}", "public": False} | told
    (commit,) = hub.commits
    assert commit.files.keys() == FILES
    assert json.loads(commit.files["adapter_config.json"])["base_model_name_or_path"] == "Qwen/Qwen3-8B"
    assert any("lora_A" in name for name in load(commit.files["adapter_model.safetensors"]))
    card = commit.files["README.md"].decode()
    for text in ("base_model: Qwen/Qwen3-8B", "LoRA rank: 4", "attn=True, mlp=True, unembed=True", path):
        assert text in card


def test_repository_revision_and_message_are_the_users(cli: Cli, hub: Hub, made: Made) -> None:
    table = cli.table(
        "checkpoint", "push-hf", made.paths["exported"], "--repo", "me/mine", "--public", "--revision", "v2",
        "--commit-message", "new weights", "--no-model-card",
    )  # fmt: skip
    assert "me/mine" in table
    (commit,) = hub.commits
    assert commit.path == "/api/models/me/mine/commit/v2"
    assert commit.summary == "new weights"
    assert commit.files.keys() == FILES - {"README.md"}
    assert (hub.repositories[0]["organization"], hub.repositories[0]["name"]) == ("me", "mine")


def test_files_are_chosen_by_patterns(cli: Cli, hub: Hub, made: Made) -> None:
    path = made.paths["exported"]
    cli.table("checkpoint", "push-hf", path, "--repo", "me/a", "--allow-pattern", "*.json")
    cli.table("checkpoint", "push-hf", path, "--repo", "me/b", "--ignore-pattern", "*.safetensors", "--create-pr")
    assert [set(commit.files) for commit in hub.commits] == [
        {"adapter_config.json"},
        {"README.md", "adapter_config.json"},
    ]
    assert [commit.query for commit in hub.commits] == ["", "create_pr=1"]


def test_what_cannot_be_downloaded_is_not_uploaded(cli: Cli, hub: Hub, made: Made) -> None:
    assert "Sampler checkpoints cannot" in cli.refused("checkpoint", "push-hf", made.paths["sampled"])
    assert "does not exist" in cli.refused("checkpoint", "push-hf", f"tinker://{made.run_id}/weights/nothing")
    assert hub.commits == []
