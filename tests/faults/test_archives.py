"""Archives damaged on the disk, addresses signed wrongly, and lists that are out of date."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.live_app import KEY, live_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

    from tests.api.live_app import LiveApp


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[LiveApp]:
    async with live_app(tmp_path) as app:
        yield app


async def corrupted(app: LiveApp, effect: Any) -> None:
    answer = await app.client.post("/__admin/corruptions", json={"effect": effect, "api_key": KEY})
    assert answer.status_code == 200, answer.text


async def address(app: LiveApp, run: str, name: str = "one") -> str:
    answer = await app.call("GET", f"training_runs/{run}/checkpoints/weights/{name}/archive")
    assert answer.status_code == 302, answer.text
    return str(answer.headers["location"])


async def archive(app: LiveApp, run: str) -> httpx.Response:
    return await app.client.get(await address(app, run))


def contents(folder: Path) -> set[bytes]:
    return {file.read_bytes() for file in folder.rglob("artifacts/*/*")}


async def saved(app: LiveApp) -> str:
    run = await app.new_run()
    await app.save(run, "one", 1)
    return run


async def test_an_archive_is_truncated_on_the_disk(app: LiveApp, tmp_path: Path) -> None:
    run = await saved(app)
    whole = (await archive(app, run)).content
    await corrupted(app, {"truncate_archive": {"checkpoint": "one", "part": 0.3}})
    answer = await archive(app, run)
    assert (answer.status_code, answer.content) == (200, whole[: int(len(whole) * 0.3)])
    assert answer.content in contents(tmp_path)
    with pytest.raises(tarfile.ReadError), tarfile.open(fileobj=io.BytesIO(answer.content)) as tar:
        tar.getmembers()
    told = await app.result("load_weights", model_id=run, path=f"tinker://{run}/weights/one", optimizer=True, seq_id=2)
    assert told["category"] == "server"


@pytest.mark.parametrize(
    ("member", "name"),
    [("parent", "../evil.txt"), ("absolute", "/tmp/evil.txt"), ("symlink", "link"), ("hardlink", "link")],
)
async def test_an_archive_reaches_out_of_its_folder(app: LiveApp, member: str, name: str) -> None:
    run = await saved(app)
    await corrupted(app, {"hostile_member": {"member": member}})
    with tarfile.open(fileobj=io.BytesIO((await archive(app, run)).content)) as tar:
        *honest, hostile = tar.getmembers()
    assert "adapter_model.safetensors" in {each.name for each in honest}
    assert (hostile.name, hostile.issym(), hostile.islnk()) == (name, member == "symlink", member == "hardlink")


async def test_a_members_checksum_is_wrong_or_the_files(app: LiveApp) -> None:
    run = await saved(app)
    await corrupted(app, {"wrong_checksum": {"of": "archive"}})
    content = (await archive(app, run)).content
    with pytest.raises(tarfile.ReadError), tarfile.open(fileobj=io.BytesIO(content), mode="r:"):
        pass
    await corrupted(app, "wrong_checksum")
    refused = await archive(app, run)
    assert (refused.status_code, refused.json()["error"]) == (410, "damaged")


async def test_exported_files_come_from_the_archive_as_it_is(app: LiveApp) -> None:
    run = await app.new_run()
    await app.save(run, "files", 1, "save_weights_external")
    await corrupted(app, "hostile_member")
    place = f"training_runs/{run}/checkpoints/external_weights/files/external_weights_urls"
    urls = (await app.call("GET", place)).json()["urls"]
    assert "../evil.txt" in urls
    assert (await app.client.get(urls["adapter_config.json"])).json()["peft_type"] == "LORA"


@pytest.mark.parametrize(
    ("effect", "told"),
    [("url_expires", "expired"), ({"url_expires": {"seconds": -60}}, "expired 6"), ("url_forged", "is forged")],
)
async def test_an_address_that_was_handed_out_is_refused(app: LiveApp, effect: Any, told: str) -> None:
    run = await saved(app)
    app.inject(effect, "in_body", operation="get_archive_url", on=1)
    refused = await archive(app, run)
    assert (refused.status_code, told in refused.json()["detail"]) == (403, True)
    assert (await archive(app, run)).status_code == 200


async def test_an_address_expires_in_the_midst_of_its_use(app: LiveApp) -> None:
    run = await saved(app)
    app.inject({"url_expires": {"seconds": 5}}, "in_body", operation="get_archive_url")
    url = await address(app, run)
    assert (await app.client.get(url)).status_code == 200
    await app.advance(10)
    assert (await app.client.get(url, headers={"Range": "bytes=100-"})).status_code == 403


async def test_an_answer_without_addresses_has_none_to_spoil(app: LiveApp) -> None:
    app.inject("url_forged", "in_body", operation="create_session")
    assert (await app.call("POST", "create_session", {"tags": []})).status_code == 200
    (rule,) = app.app.state.faults.active
    assert rule.missed == 1


async def test_a_list_is_as_it_was_when_it_was_first_asked_for(app: LiveApp) -> None:
    run = await saved(app)

    async def names(path: str = "checkpoints") -> list[str]:
        listed = (await app.call("GET", path)).json()["checkpoints"]
        return [each["checkpoint_id"] for each in listed]

    app.inject({"stale": {"seconds": 30}}, "in_body", operation="list_user_checkpoints")
    assert await names() == ["weights/one"]
    await app.save(run, "two", 2)
    assert await names() == ["weights/one"]
    assert await names("checkpoints?limit=5") == ["weights/two", "weights/one"]
    await app.advance(30)
    assert await names() == ["weights/two", "weights/one"]


async def test_heartbeats_are_answered_and_lost(app: LiveApp) -> None:
    session = (await app.new_run()).partition(":")[0]
    app.inject("heartbeat_lost", "before_handler", operation="session_heartbeat")
    timeout = app.runtime.timing.session_timeout_seconds
    answers = []
    for _ in range(3):
        answers.append(await app.call("POST", "session_heartbeat", {"session_id": session}))
        await app.advance(timeout / 2 + 1)
    app.app.state.faults.clear()
    answers.append(await app.call("POST", "session_heartbeat", {"session_id": session}))
    assert [answer.status_code for answer in answers] == [200, 200, 200, 410]
