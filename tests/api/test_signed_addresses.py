"""Signed addresses: what opens them, what doesn't, and what the audit log tells of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.api.live_app import KEY, LiveApp, live_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

STRANGER = "tml-stranger"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LiveApp]:
    async with live_app(tmp_path) as app:
        yield app


@pytest.fixture
async def path(server: LiveApp) -> str:
    return await server.save(await server.new_run(), "ck1", 1, "save_weights_external")


def place(path: str) -> str:
    run, kind, name = path.removeprefix("tinker://").split("/")
    return f"training_runs/{run}/checkpoints/{kind}/{name}"


async def addresses(server: LiveApp, path: str) -> list[str]:
    """One of each kind that is handed out: an archive's, a file's, a trace's."""
    archive = await server.call("GET", f"{place(path)}/archive")
    files = await server.call("GET", f"{place(path)}/external_weights_urls")
    session = path.removeprefix("tinker://").partition(":")[0]
    trace = await server.call("GET", f"sessions/{session}/trace_export")
    return [archive.headers["location"], files.json()["urls"]["adapter_config.json"], trace.json()["url"]]


async def reads(server: LiveApp, key: str = KEY) -> list[dict[str, Any]]:
    entries = (await server.call("GET", "audit?event_type=checkpoints", key=key)).json()["entries"]
    return [entry for entry in entries if entry["event"] == "checkpoint_read"]


@pytest.mark.parametrize(
    "headers",
    [{"X-API-Key": KEY}, {"X-API-Key": STRANGER}, {"X-API-Key": "no key at all"}, {"Authorization": "Bearer x"}],
)
async def test_no_key_that_comes_with_an_address_changes_its_answer(
    server: LiveApp, path: str, headers: dict[str, str]
) -> None:
    for url in await addresses(server, path):
        bare, keyed = await server.client.get(url), await server.client.get(url, headers=headers)
        assert bare.status_code == keyed.status_code == 200
        assert bare.content == keyed.content
        unsigned = await server.client.get(url.partition("?")[0], headers=headers)
        assert unsigned.status_code == 403
        assert "carries no signature" in unsigned.json()["detail"]


async def test_a_deleted_key_leaves_the_addresses_that_were_made_with_it(server: LiveApp, path: str) -> None:
    url = (await addresses(server, path))[0]
    assert (await server.call("DELETE", "auth/apikey/me")).status_code == 204
    assert (await server.client.get(url, headers={"X-API-Key": KEY})).status_code == 200


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("signature", "0" * 64),
        ("signature", "ünsigned"),
        ("expires", "9999999999"),
        ("expires", "never"),
        ("tenant", "0" * 16),
        ("tenant", ""),
    ],
)
async def test_what_is_changed_in_an_address_closes_it(server: LiveApp, path: str, part: str, value: str) -> None:
    for url in await addresses(server, path):
        answer = await server.client.get(httpx.URL(url).copy_set_param(part, value))
        assert answer.status_code == 403
        assert "forged" in answer.json()["detail"]


async def test_an_address_opens_its_own_path_only(server: LiveApp, path: str) -> None:
    archive, file, trace = (urlsplit(url) for url in await addresses(server, path))
    for door in (archive, file, trace):
        for other in {archive, file, trace} - {door}:
            answer = await server.client.get(f"{door.path}?{other.query}")
            assert answer.status_code == 403
            assert "belongs to another path" in answer.json()["detail"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_an_address_does_nothing_but_read(server: LiveApp, path: str, method: str) -> None:
    for url in await addresses(server, path):
        answer = await server.client.request(method, url, headers={"X-API-Key": KEY})
        assert answer.status_code == 403
        assert answer.json()["detail"].endswith(f"not for {method}")
        unsigned = await server.client.request(method, url.partition("?")[0])
        assert unsigned.status_code == 405
        assert unsigned.headers["allow"].startswith("GET")
        assert (await server.client.get(url)).status_code == 200


async def test_an_address_ends_by_the_servers_clock(server: LiveApp, path: str) -> None:
    archive, file, trace = await addresses(server, path)
    for seconds, opened in ((890, [archive, file, trace]), (20, [trace]), (2680, [trace]), (20, [])):
        await server.advance(seconds)
        for url in (archive, file, trace):
            answer = await server.client.get(url)
            assert answer.status_code == (200 if url in opened else 403)
            assert url in opened or "expired" in answer.json()["detail"]


async def test_the_audit_log_tells_who_was_handed_an_address_and_not_what_was_loaded(
    server: LiveApp, path: str
) -> None:
    assert await reads(server) == []
    await server.call("GET", f"{place(path)}/external_weights_urls")
    archive = (await server.call("GET", f"{place(path)}/archive")).headers["location"]
    for headers in ({}, {"Range": "bytes=5-"}):
        assert (await server.client.get(archive, headers=headers)).is_success
    await server.call("POST", f"{place(path)}/publish")
    assert (await server.call("GET", f"{place(path)}/archive", key=STRANGER)).status_code == 302
    told = await reads(server)
    assert [(entry["purpose"], entry["tinker_path"]) for entry in told] == [("download", path)] * 3
    owner, _, stranger = (entry["event_details"]["actor"] for entry in told)
    assert owner != stranger
    assert await reads(server, STRANGER) == []


async def test_what_hands_out_no_address_is_no_read(server: LiveApp, path: str) -> None:
    run, kind, _ = path.removeprefix("tinker://").split("/")
    for door in ("archive", "external_weights_urls"):
        assert (await server.call("GET", f"{place(path)}/{door}", key=STRANGER)).status_code == 404
        assert (await server.call("GET", f"training_runs/{run}/checkpoints/{kind}/none/{door}")).status_code == 404
    await server.call("GET", place(path))
    await server.call("POST", "weights_info", {"tinker_path": path})
    assert await reads(server) == []


async def test_several_ranges_at_once_are_answered_by_the_whole(server: LiveApp, path: str) -> None:
    url = (await addresses(server, path))[0]
    whole = await server.client.get(url)
    for asked in ("bytes=0-1,3-4", "bytes=5-2", "items=0-1", "bytes=x"):
        answer = await server.client.get(url, headers={"Range": asked})
        assert (answer.status_code, answer.content) == (200, whole.content)
        assert "content-range" not in answer.headers


async def test_whoever_has_anything_of_it_has_nothing_new_to_load(server: LiveApp, path: str) -> None:
    url = (await addresses(server, path))[0]
    answer = await server.client.get(url, headers={"If-None-Match": "*"})
    assert (answer.status_code, answer.content) == (304, b"")


async def test_a_slow_reader_gets_all_of_a_transfer_whose_address_expires_under_it(tmp_path: Path) -> None:
    """Over a real socket, with more to send than its buffers hold: what comes last is made long after the expiry."""
    from client_tests.harness.in_thread import AsgiThread

    async with live_app(tmp_path, checkpoint_shapes="real") as server:
        path = await server.save(await server.new_run(rank=16), "big", 1)
        url = urlsplit((await server.call("GET", f"{place(path)}/archive")).headers["location"])
        thread = AsgiThread(server.app)
        host, port = thread.start().removeprefix("http://").split(":")
        try:
            reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 16)
            writer.write(f"GET {url.path}?{url.query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            size = int(head.partition("content-length: ")[2].split()[0])
            assert head.startswith("http/1.1 200")
            assert size > 100 << 20
            await server.advance(10_000)
            refused = await asyncio.to_thread(httpx.get, f"http://{host}:{port}{url.path}?{url.query}")
            assert refused.status_code == 403
            left = size
            while piece := await reader.read(1 << 20):
                left -= len(piece)
            assert left == 0
            writer.close()
        finally:
            await asyncio.to_thread(thread.stop)
