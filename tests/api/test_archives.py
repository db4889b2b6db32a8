"""Downloads of checkpoints over HTTP."""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
from email.utils import parsedate_to_datetime
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load

from mock_server.domain.tenants import tenant_of
from mock_server.toy_model import TrainingState
from tests.api.live_app import KEY, LiveApp, live_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Message

STRANGER = "tml-stranger"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LiveApp]:
    async with live_app(tmp_path) as app:
        yield app


@pytest.fixture
async def run(server: LiveApp) -> str:
    return await server.new_run()


def one(path: str) -> str:
    """A checkpoint's place in the API."""
    run, kind, name = path.removeprefix("tinker://").split("/")
    return f"training_runs/{run}/checkpoints/{kind}/{name}"


async def archive_url(server: LiveApp, path: str, key: str = KEY) -> str:
    answer = await server.call("GET", f"{one(path)}/archive", key=key)
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


async def downloaded(server: LiveApp, path: str) -> dict[str, bytes]:
    """The archive's members."""
    answer = await server.client.get(await archive_url(server, path))
    assert answer.status_code == 200
    with tarfile.open(fileobj=io.BytesIO(answer.content), mode="r:") as tar:
        return {member.name: tar.extractfile(member).read() for member in tar.getmembers()}  # type: ignore[union-attr]


async def test_an_archive_is_a_redirect_to_a_signed_address(server: LiveApp, run: str) -> None:
    path = await server.save(run, "ck1", 1)
    answer = await server.call("GET", f"{one(path)}/archive")
    assert answer.status_code == 302
    url = answer.headers["location"]
    assert url.startswith("http://served.test:8000/api/v1/downloads/")
    expires = parsedate_to_datetime(answer.headers["expires"]).timestamp()
    assert expires - server.runtime.clocks.now(tenant_of(KEY)) == pytest.approx(900, abs=5)
    assert answer.json()["url"] == url
    download = await server.client.get(url)
    assert download.status_code == 200
    assert download.headers["content-type"] == "application/x-tar"
    assert download.headers["content-length"] == str(len(download.content))
    assert "content-encoding" not in download.headers


async def test_who_wants_no_redirect_gets_the_same_as_json(server: LiveApp, run: str) -> None:
    path = await server.save(run, "ck1", 1)
    answer = await server.call("GET", f"{one(path)}/archive?redirect=false")
    assert answer.status_code == 200
    assert (await server.client.get(answer.json()["url"])).status_code == 200
    assert answer.json()["expires"].endswith("Z")


async def test_each_kind_holds_its_files_at_the_top(server: LiveApp, run: str) -> None:
    adapter = ["adapter_config.json", "adapter_model.safetensors"]
    training = await downloaded(server, await server.save(run, "a", 1))
    assert list(training) == [*adapter, "training_state.safetensors", "checkpoint_complete"]
    sampler = await downloaded(server, await server.save(run, "a", 2, "save_weights_for_sampler"))
    assert list(sampler) == [*adapter, "checkpoint_complete"]
    external = await downloaded(server, await server.save(run, "a", 3, "save_weights_external"))
    assert external == sampler
    assert training["adapter_model.safetensors"] == sampler["adapter_model.safetensors"]
    assert TrainingState.load(training["training_state.safetensors"], optimizer=True).lora.rank == 4
    assert json.loads(training["adapter_config.json"])["r"] == 4


async def test_training_changes_the_file_and_a_fresh_run_is_the_identity(server: LiveApp, run: str) -> None:
    fresh = load((await downloaded(server, await server.save(run, "fresh", 1)))["adapter_model.safetensors"])
    assert not any(tensor.any() for name, tensor in fresh.items() if "lora_B" in name)
    tokens = list(range(40, 60))
    datum = {
        "model_input": {"chunks": [{"tokens": tokens[:-1], "type": "encoded_text"}]},
        "loss_fn_inputs": {
            "target_tokens": {"data": tokens[1:], "dtype": "int64"},
            "weights": {"data": [1.0] * 19, "dtype": "float32"},
        },
    }
    request: dict[str, Any] = {
        "forward_backward_input": {"data": [datum], "loss_fn": "cross_entropy"},
        "model_id": run,
        "seq_id": 2,
    }
    await server.result("forward_backward", **request)
    await server.result("optim_step", model_id=run, seq_id=3, adam_params={"learning_rate": 1e-3})
    trained = load((await downloaded(server, await server.save(run, "trained", 4)))["adapter_model.safetensors"])
    assert fresh.keys() == trained.keys()
    assert any(tensor.any() for name, tensor in trained.items() if "lora_B" in name)


PARTS = {"train_attn": "self_attn", "train_mlp": "mlp", "train_unembed": "unembed_tokens"}


@pytest.mark.parametrize("kind", ["save_weights", "save_weights_for_sampler", "save_weights_external"])
@pytest.mark.parametrize("trained", [on for count in (1, 2, 3) for on in combinations(PARTS, count)])
async def test_the_switches_of_a_run_decide_which_keys_its_file_has(
    server: LiveApp, trained: tuple[str, ...], kind: str
) -> None:
    switches: dict[str, Any] = {switch: switch in trained for switch in PARTS}
    run = await server.new_run(**switches)
    files = await downloaded(server, await server.save(run, "ck", 1, kind))
    names = load(files["adapter_model.safetensors"])
    assert {part for part in PARTS.values() for name in names if part in name} == {PARTS[switch] for switch in trained}
    assert all(any(part in name for part in PARTS.values()) for name in names)
    modules = {name.removesuffix(".weight").rpartition(".")[0].rpartition(".")[2] for name in names}
    modules = {"lm_head" if module == PARTS["train_unembed"] else module for module in modules}  # as models call it
    assert set(json.loads(files["adapter_config.json"])["target_modules"]) == modules


async def test_external_weights_are_loaded_file_by_file(server: LiveApp, run: str) -> None:
    saved = await server.result("save_weights_external", model_id=run, path="out", seq_id=1, ttl_seconds=3600)
    assert saved["type"] == "save_weights_external"
    assert saved["size_bytes"] > 0
    assert saved["path"] == f"tinker://{run}/external_weights/out"
    answer = await server.call("GET", f"{one(saved['path'])}/external_weights_urls")
    urls = answer.json()["urls"]
    files = {name: (await server.client.get(url)).content for name, url in urls.items()}
    archive = await downloaded(server, saved["path"])
    assert files == {name: content for name, content in archive.items() if name != "checkpoint_complete"}
    assert json.loads(files["adapter_config.json"])["peft_type"] == "LORA"
    listed = (await server.call("GET", f"training_runs/{run}/checkpoints")).json()["checkpoints"]
    assert [(row["checkpoint_id"], row["checkpoint_type"]) for row in listed] == [("external_weights/out", "external")]


async def test_only_external_weights_have_addresses_for_each_file(server: LiveApp, run: str) -> None:
    path = await server.save(run, "ck1", 1)
    answer = await server.call("GET", f"{one(path)}/external_weights_urls")
    assert answer.status_code == 400
    assert "save_weights_external" in answer.json()["detail"]


async def test_a_private_checkpoint_is_not_there_for_others_and_a_published_one_is(server: LiveApp, run: str) -> None:
    path = await server.save(run, "ck1", 1)
    for door in ("archive", "external_weights_urls"):
        answer = await server.call("GET", f"training_runs/{run}/checkpoints/external_weights/no/{door}")
        assert answer.status_code == 404
    assert (await server.call("GET", f"{one(path)}/archive", key=STRANGER)).status_code == 404
    assert (await server.call("POST", f"{one(path)}/publish")).status_code == 204
    url = await archive_url(server, path, STRANGER)
    assert (await server.client.get(url)).status_code == 200
    await server.call("DELETE", f"{one(path)}/publish")
    assert (await server.client.get(url)).status_code == 404


async def test_a_key_is_neither_needed_nor_of_use_at_an_address(server: LiveApp, run: str) -> None:
    url = await archive_url(server, await server.save(run, "ck1", 1))
    with_stranger = await server.client.get(url, headers={"X-API-Key": STRANGER})
    assert with_stranger.status_code == 200
    bare = url.partition("?")[0]
    for key in ({}, {"X-API-Key": KEY}):
        answer = await server.client.get(bare, headers=key)
        assert answer.status_code == 403
        assert "carries no signature" in answer.json()["detail"]
        assert answer.json()["category"] == "user"


async def test_an_address_is_good_for_its_file_and_its_time(server: LiveApp, run: str) -> None:
    first = await archive_url(server, await server.save(run, "ck1", 1))
    await server.save(run, "ck2", 2)
    for wrong in (first.replace("/ck1/", "/ck2/"), first.replace("archive.tar", "adapter_config.json"), first + "0"):
        answer = await server.client.get(wrong)
        assert answer.status_code == 403
        assert "signature belongs to another" in answer.json()["message"]
    await server.advance(901)
    answer = await server.client.get(first)
    assert answer.status_code == 403
    assert "expired" in answer.json()["detail"]


async def test_what_has_begun_ends_whatever_becomes_of_address_and_checkpoint(server: LiveApp, run: str) -> None:
    path = await server.save(run, "ck1", 1)
    url = httpx.URL(await archive_url(server, path))
    whole = (await server.client.get(url)).content
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)
        if len(sent) == 2:  # the head and the first piece are out
            await server.advance(10_000)
            assert (await server.call("DELETE", one(path))).status_code == 204
            assert (await server.client.get(url)).status_code == 403

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("the client never leaves")

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": url.path,
        "raw_path": url.raw_path.partition(b"?")[0],
        "query_string": url.query,
        "headers": [],
        "server": ("127.0.0.1", 8000),
    }
    await server.app(scope, receive, send)
    assert sent[0]["status"] == 200
    assert b"".join(message.get("body", b"") for message in sent[1:]) == whole
    assert not sent[-1].get("more_body")


async def test_a_deleted_or_expired_checkpoint_takes_its_addresses_with_it(server: LiveApp, run: str) -> None:
    path = await server.save(run, "ck1", 1)
    url = await archive_url(server, path)
    await server.call("DELETE", one(path))
    assert (await server.client.get(url)).status_code == 404
    assert (await server.call("GET", f"{one(path)}/archive")).status_code == 404


@pytest.mark.parametrize(
    ("headers", "begin"),
    [
        ({}, "http://served.test:8000/api"),
        ({"Host": "mock:9"}, "http://mock:9/api"),
        ({"Host": "[::1]:8000"}, "http://[::1]:8000/api"),
        ({"X-Forwarded-Proto": "https", "X-Forwarded-Host": "pub.example"}, "https://pub.example/api"),
        ({"X-Forwarded-Host": "first.example, second.example"}, "http://first.example/api"),
        ({"X-Forwarded-Prefix": "/services/tinker/"}, "http://served.test:8000/services/tinker/api"),
        # What can't be a host, a scheme or a path is not put into an address.
        ({"Host": "evil/path?"}, "http://served.test:8000/api"),
        ({"X-Forwarded-Proto": "javascript"}, "http://served.test:8000/api"),
        ({"X-Forwarded-Prefix": "/a?b"}, "http://served.test:8000/api"),
    ],
)
async def test_the_address_begins_where_the_request_came_to(
    server: LiveApp, run: str, headers: dict[str, str], begin: str
) -> None:
    path = await server.save(run, "ck1", 1)
    answer = await server.call("GET", f"{one(path)}/archive", headers=headers)
    assert answer.headers["location"].startswith(f"{begin}/v1/downloads/")


async def test_a_public_url_of_the_settings_goes_before_the_request(tmp_path: Path) -> None:
    async with live_app(tmp_path, public_url="https://tinker.example/base/") as server:
        path = await server.save(await server.new_run(), "ck1", 1)
        url = await archive_url(server, path)
        assert url.startswith("https://tinker.example/base/api/v1/downloads/")
        # A proxy that takes its prefix away leads here, and the signature still fits.
        assert (await server.client.get(url.removeprefix("https://tinker.example/base"))).status_code == 200


# Ranges, which a broken download is resumed by.


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_any_range_equals_the_slice(whole: tuple[LiveApp, str, bytes], data: st.DataObject) -> None:
    server, url, content = whole
    end = len(content) - 1
    position = st.integers(0, end) | st.sampled_from([0, 511, 512, end])
    first, last = sorted((data.draw(position), data.draw(position)))
    header, start, stop = data.draw(
        st.sampled_from(
            [
                (f"bytes={first}-{last}", first, last),
                (f"bytes={first}-", first, end),
                (f"bytes=-{first + 1}", end - first, end),
                (f"bytes={first}-{end + 999}", first, end),
            ]
        )
    )
    answer = await server.client.get(url, headers={"Range": header})
    assert answer.status_code == 206
    assert answer.content == content[start : stop + 1]
    assert answer.headers["content-length"] == str(stop - start + 1)
    assert answer.headers["content-range"] == f"bytes {start}-{stop}/{len(content)}"


@pytest.fixture
async def whole(server: LiveApp, run: str) -> tuple[LiveApp, str, bytes]:
    """The server, an archive's address, and the archive."""
    url = await archive_url(server, await server.save(run, "ck1", 1))
    return server, url, (await server.client.get(url)).content


async def test_a_head_says_what_a_get_would_send(whole: tuple[LiveApp, str, bytes]) -> None:
    server, url, content = whole
    got, head = await server.client.get(url), await server.client.head(url)
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers == got.headers
    assert head.headers["content-length"] == str(len(content))
    assert head.headers["accept-ranges"] == "bytes"
    part = await server.client.head(url, headers={"Range": "bytes=1-2"})
    assert (part.status_code, part.headers["content-range"]) == (206, f"bytes 1-2/{len(content)}")


async def test_the_etag_stands_for_the_content(whole: tuple[LiveApp, str, bytes]) -> None:
    server, url, content = whole
    tag = (await server.client.head(url)).headers["etag"]
    again = await archive_url(server, f"tinker://{'/'.join(url.split('/')[6:9])}")
    assert (await server.client.head(again)).headers["etag"] == tag
    unchanged = await server.client.get(url, headers={"If-None-Match": f'W/"x", {tag}'})
    assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", tag)
    resumed = await server.client.get(url, headers={"Range": "bytes=5-", "If-Range": tag})
    assert (resumed.status_code, resumed.content) == (206, content[5:])
    changed = await server.client.get(url, headers={"Range": "bytes=5-", "If-Range": '"another"'})
    assert (changed.status_code, changed.content) == (200, content)


async def test_another_content_at_the_same_path_has_another_etag(server: LiveApp) -> None:
    first, second = await server.new_run(seed=1), await server.new_run(seed=2)
    tags = set()
    for run in (first, second):
        url = await archive_url(server, await server.save(run, "ck", 1, "save_weights_for_sampler"))
        tags.add((await server.client.head(url)).headers["etag"])
    assert len(tags) == 2


async def test_a_range_beyond_the_end_is_416_in_the_shape_of_all_errors(whole: tuple[LiveApp, str, bytes]) -> None:
    server, url, content = whole
    answer = await server.client.get(url, headers={"Range": f"bytes={len(content)}-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(content)}"
    assert str(len(content)) in answer.json()["detail"]


async def test_a_file_that_is_not_there_names_those_that_are(server: LiveApp, run: str) -> None:
    from mock_server.domain.signed_urls import signed

    await server.save(run, "ck1", 1)
    secret, expires = server.runtime.store.secret, int(server.runtime.clocks.now(tenant_of(KEY))) + 60
    url = signed(f"/api/v1/downloads/{run}/weights/ck1/other.bin", tenant_of(KEY), secret, expires)
    answer = await server.client.get(url)
    assert answer.status_code == 404
    assert "adapter_model.safetensors" in answer.json()["detail"]


async def test_real_shapes_are_announced_in_full_and_read_from_anywhere(tmp_path: Path) -> None:
    async with live_app(tmp_path, checkpoint_shapes="real") as server:
        run = await server.new_run(base_model="Qwen/Qwen3-235B-A22B-Instruct-2507", rank=64)
        url = await archive_url(server, await server.save(run, "big", 1))
        size = int((await server.client.head(url)).headers["content-length"])
        assert size > 10 << 30
        piece = await server.client.get(url, headers={"Range": f"bytes={size // 2}-{size // 2 + 999_999}"})
        inner = await server.client.get(url, headers={"Range": f"bytes={size // 2 + 100_000}-{size // 2 + 100_099}"})
        assert piece.content[100_000:100_100] == inner.content
        begin = await server.client.get(url, headers={"Range": "bytes=0-511"})
        assert tarfile.TarInfo.frombuf(begin.content, "utf-8", "strict").name == "adapter_config.json"
