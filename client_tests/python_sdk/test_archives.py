"""Downloads by the real CLI, by what older releases and Tinkex do, and of realistic size."""

from __future__ import annotations

import json
import subprocess
import tarfile
import urllib.request
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from safetensors.numpy import load_file

from client_tests.harness.endings import ended_well
from client_tests.harness.environments import NEWEST, sdk_interpreter
from client_tests.harness.server import clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_tests.harness.sdk import Sdk
    from client_tests.harness.server import Server

FILES = ["adapter_config.json", "adapter_model.safetensors"]


def tinker(sdk: Sdk, *arguments: str) -> dict[str, Any]:
    """What the SDK's own command prints as JSON, if anything."""
    done = subprocess.run(
        [sdk_interpreter(NEWEST).with_name("tinker"), "--format", "json", *arguments],
        env=clean_environment() | {"TINKER_BASE_URL": sdk.url, "TINKER_API_KEY": sdk.key},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended_well(done.returncode), done.stderr + done.stdout
    printed: dict[str, Any] = json.loads(done.stdout or "{}")
    return printed


def saved(service_client: Any, kit: Any, base_model: str | None = None, rank: int = 4) -> dict[str, str]:
    """Train a little and save in every way; the paths by the kind's name in them."""
    if base_model is None:
        client = kit.trainer(service_client, rank=rank)
    else:
        client = service_client.create_lora_training_client(base_model, rank=rank, seed=7)
    kit.steps(client, 2)
    paths = [
        client.save_state("state").result().path,
        client.save_weights_for_sampler("sampler").result().path,
        client.save_weights_external("external").result().path,
    ]
    return {path.split("/")[3]: path for path in paths}


def test_the_command_downloads_a_training_checkpoint_and_leaves_nothing_behind(sdk: Sdk, tmp_path: Path) -> None:
    path = sdk.run(saved)["weights"]
    printed = tinker(sdk, "checkpoint", "download", path, "--output", str(tmp_path))
    folder = Path(printed["destination"])
    assert folder == tmp_path / path.removeprefix("tinker://").replace("/", "_")
    assert sorted(each.name for each in folder.iterdir()) == FILES
    assert printed["file_size_bytes"] == sum(each.stat().st_size for each in folder.iterdir())
    assert json.loads((folder / FILES[0]).read_text())["base_model_name_or_path"] == "Qwen/Qwen3-8B"
    assert any(tensor.any() for name, tensor in load_file(folder / FILES[1]).items() if "lora_B" in name)
    left = tinker(sdk, "checkpoint", "list", "--limit", "0")["checkpoints"]
    assert sorted(each["checkpoint_type"] for each in left) == ["external", "sampler", "training"]


def test_the_command_downloads_external_weights_and_they_equal_the_training_checkpoints(
    sdk: Sdk, tmp_path: Path
) -> None:
    paths = sdk.run(saved)
    contents = []
    for kind in ("weights", "external_weights"):
        folder = tinker(sdk, "checkpoint", "download", paths[kind], "--output", str(tmp_path))["destination"]
        contents.append([(Path(folder) / name).read_bytes() for name in FILES])
    assert contents[0] == contents[1]


def test_a_stranger_downloads_what_is_published(sdk: Sdk, key: str, tmp_path: Path) -> None:
    path = sdk.run(saved)["weights"]
    stranger = sdk.as_tenant(f"{key}-stranger")
    with pytest.raises(AssertionError, match="does not exist"):
        tinker(stranger, "checkpoint", "download", path, "--output", str(tmp_path / "before"))
    tinker(sdk, "checkpoint", "publish", path)
    printed = tinker(stranger, "checkpoint", "download", path, "--output", str(tmp_path / "after"))
    assert sorted(each.name for each in Path(printed["destination"]).iterdir()) == FILES


@pytest.mark.parametrize(
    ("client", "headers"),
    [
        ("tinker 0.3.0 to 0.22", {"accept": "application/gzip", "user-agent": "AsyncTinker/Python 0.18.0"}),
        ("tinker 0.25 to 0.33", {"accept": "application/json", "user-agent": "AsyncTinker/Python 0.33.0"}),
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


def resident_kilobytes(server: Server) -> int:
    """What the server's process has in memory now."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_a_gigabyte_streams_through_flat_memory_and_resumes_after_a_cut(
    server_with: Callable[..., Server], sdk: Sdk
) -> None:
    server = server_with(checkpoint_shapes="real")
    there = sdk.at(server.url)
    path = there.run(saved, base_model="Qwen/Qwen3-32B", rank=32)["external_weights"]

    def address(kit: Any, service_client: Any, path: str) -> str:
        urls = kit.rest(service_client).get_external_weights_urls(path).result().urls
        return str(urls["adapter_model.safetensors"])

    url = there.run(address, path=path)
    whole, resumed = sha256(), sha256()
    with httpx.stream("GET", url, timeout=60) as answer:
        size = int(answer.headers["content-length"])
        assert size > 1 << 30
        levels = []
        for number, piece in enumerate(answer.iter_raw(1 << 20)):
            whole.update(piece)
            if number % 64 == 0:
                levels.append(resident_kilobytes(server))
    assert answer.num_bytes_downloaded == size
    assert max(levels[1:]) - levels[1] < 8 << 10, levels

    with httpx.stream("GET", url, timeout=60) as answer:
        tag = answer.headers["etag"]
        for piece in answer.iter_raw(1 << 20):
            resumed.update(piece)
            if answer.num_bytes_downloaded > size // 3:
                break
    begun = answer.num_bytes_downloaded - answer.num_bytes_downloaded % (1 << 20)
    headers = {"Range": f"bytes={begun}-", "If-Range": tag}
    with httpx.stream("GET", url, headers=headers, timeout=60) as answer:
        assert answer.status_code == 206
        for piece in answer.iter_raw(1 << 20):
            resumed.update(piece)
    assert resumed.digest() == whole.digest()
