"""Downloads as older releases and Tinkex do them, and copies."""

from __future__ import annotations

import tarfile
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from safetensors.numpy import load_file

if TYPE_CHECKING:
    from client_tests.harness.sdk import Sdk

FILES = ["adapter_config.json", "adapter_model.safetensors"]


def saved(service_client: Any, kit: Any) -> dict[str, str]:
    """Train a little and save in every way; the paths by the kind's name in them."""
    client = kit.trainer(service_client)
    kit.steps(client, 2)
    paths = [
        client.save_state("state").result().path,
        client.save_weights_for_sampler("sampler").result().path,
        client.save_weights_external("external").result().path,
    ]
    return {path.split("/")[3]: path for path in paths}


@pytest.mark.parametrize(
    ("client", "headers"),
    [
        ("tinker 0.3.0 to 0.22", {"accept": "application/gzip", "user-agent": "AsyncTinker/Python 0.18.0"}),
        ("tinker 0.25 to 0.35", {"accept": "application/json", "user-agent": "AsyncTinker/Python 0.33.0"}),
        (
            "tinkex 0.4.0",
            {"accept": "application/json", "content-type": "application/json", "user-agent": "AsyncTinkex"},
        ),
    ],
)
@pytest.mark.parametrize("kind", ["weights", "sampler_weights"])
def test_an_archive_as_older_clients_load_it(
    sdk: Sdk, http: httpx.Client, tmp_path: Path, client: str, headers: dict[str, str], kind: str
) -> None:
    """A redirect that is not followed, its address loaded by urllib without a key, and a plain tar unpacked."""
    run, kind, name = sdk.run(saved)[kind].removeprefix("tinker://").split("/")
    answer = http.get(f"training_runs/{run}/checkpoints/{kind}/{name}/archive", headers=headers)
    assert answer.status_code == 302, client
    assert answer.headers["expires"].endswith("GMT")
    file, _ = urllib.request.urlretrieve(answer.headers["location"], tmp_path / "archive.tar")
    with tarfile.open(file, "r:") as tar:
        assert not [member for member in tar.getmembers() if not member.isreg() or "/" in member.name]
        tar.extractall(tmp_path, filter="data")
    assert load_file(tmp_path / FILES[1])


def test_a_copy_is_a_checkpoint_to_train_from(sdk: Sdk) -> None:
    path = sdk.run(saved)["weights"]

    def program(service_client: Any, kit: Any, path: str) -> list[str]:
        copy = kit.rest(service_client).copy_weights(path, "proj-archive", ttl_seconds=7200).result()
        losses = kit.steps(service_client.create_training_client_from_state_with_optimizer(path).result(), 1)
        assert losses == kit.steps(service_client.create_training_client_from_state_with_optimizer(copy).result(), 1)
        return [
            copy,
            kit.rest(service_client)
            .list_training_runs(project_id="proj-archive")
            .result()
            .training_runs[0]
            .training_run_id,
        ]

    copy, run = sdk.run(program, path=path)
    assert copy == f"tinker://{run}/weights/state"
