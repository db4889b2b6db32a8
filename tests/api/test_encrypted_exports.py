"""Exports that none but their recipients can read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyrage  # type: ignore[import-untyped]
import pytest
from safetensors.numpy import load

from tests.api.live_app import LiveApp, live_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LiveApp]:
    async with live_app(tmp_path) as app:
        yield app


@pytest.fixture
async def run(server: LiveApp) -> str:
    return await server.new_run()


async def files(server: LiveApp, path: str) -> dict[str, bytes]:
    run, kind, name = path.removeprefix("tinker://").split("/")
    answer = await server.call("GET", f"training_runs/{run}/checkpoints/{kind}/{name}/external_weights_urls")
    return {file: (await server.client.get(url)).content for file, url in answer.json()["urls"].items()}


async def exported(server: LiveApp, run: str, name: str, seq_id: int, *recipients: object) -> str:
    given = [str(recipient) for recipient in recipients]
    return await server.save(run, name, seq_id, "save_weights_external", age_encryption_recipients=given)


async def test_each_recipient_reads_the_files_that_a_plain_export_has(server: LiveApp, run: str) -> None:
    identities = [pyrage.x25519.Identity.generate() for _ in range(2)]
    plain = await files(server, await exported(server, run, "plain", 1))
    encrypted = await files(
        server, await exported(server, run, "sealed", 2, *(each.to_public() for each in identities))
    )
    assert list(encrypted) == [f"{name}.age" for name in plain]
    for identity in identities:
        read = {name.removesuffix(".age"): pyrage.decrypt(file, [identity]) for name, file in encrypted.items()}
        assert read == plain
    assert load(plain["adapter_model.safetensors"])
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(encrypted["adapter_config.json.age"], [pyrage.x25519.Identity.generate()])


async def test_downloads_of_it_stay_the_same(server: LiveApp, run: str) -> None:
    path = await exported(server, run, "sealed", 1, pyrage.x25519.Identity.generate().to_public())
    assert await files(server, path) == await files(server, path)


async def test_the_server_can_not_read_it_any_more_and_says_so(server: LiveApp, run: str) -> None:
    path = await exported(server, run, "sealed", 1, pyrage.x25519.Identity.generate().to_public())
    session = run.rpartition(":train:")[0]
    new_run = {"session_id": session, "model_seq_id": 5, "path": path, "optimizer": False}
    sampler = {"session_id": session, "sampling_session_seq_id": 0, "model_path": path}
    for door, body in (("load_weights", new_run), ("create_sampling_session", sampler)):
        answer = await server.call("POST", door, body)
        assert answer.status_code == 400, door
        assert "encrypted to its recipients" in answer.json()["detail"]
    loaded = await server.result("load_weights", model_id=run, seq_id=2, path=path, optimizer=False)
    assert loaded["category"] == "user"


@pytest.mark.parametrize(
    ("recipients", "said"),
    [
        (["age1nonsense"], "age_encryption_recipients holds 'age1nonsense'"),
        (["ssh-rsa AAAA"], "age_encryption_recipients holds 'ssh-rsa AAAA'"),
        (["-----BEGIN"], "age_encryption_recipients holds"),
        (["x"] * 11, "age_encryption_recipients has 11 entries: give at most 10"),
    ],
)
async def test_what_is_no_recipient_is_refused(server: LiveApp, run: str, recipients: list[str], said: str) -> None:
    body: dict[str, Any] = {"model_id": run, "path": "out", "seq_id": 1, "age_encryption_recipients": recipients}
    answer = await server.call("POST", "save_weights_external", body)
    assert answer.status_code == 400
    assert said in answer.json()["detail"]


async def test_an_ssh_key_is_a_recipient_too(server: LiveApp, run: str) -> None:
    public = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN alice@example"
    assert list(await files(server, await exported(server, run, "ssh", 1, public))) == [
        "adapter_config.json.age",
        "adapter_model.safetensors.age",
    ]


async def test_real_shapes_can_not_be_encrypted(tmp_path: Path) -> None:
    async with live_app(tmp_path, checkpoint_shapes="real") as server:
        key = str(pyrage.x25519.Identity.generate().to_public())
        body = {"model_id": await server.new_run(), "path": "out", "seq_id": 1, "age_encryption_recipients": [key]}
        answer = await server.call("POST", "save_weights_external", body)
        assert answer.status_code == 400
        assert "checkpoint_shapes=real" in answer.json()["detail"]
