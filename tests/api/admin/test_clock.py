"""The control plane's clocks: what they show and move, whose they are, and what is said of a time without sense."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from mock_server.domain.tenants import tenant_of
from mock_server.runtime.idle_time import QUIET_SECONDS
from tests.api.live_app import KEY, live_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.api.live_app import LiveApp

CLOCK = "/__admin/clock"
START = 4_000_000_000.0  # in 2096, so ahead of the machine
OTHER = "tml-other"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[LiveApp]:
    async with live_app(tmp_path, min_ttl_seconds=0, dials={"optim_step": "never", "forward": "after:60"}) as app:
        yield app


async def put(app: LiveApp, **setting: Any) -> dict[str, Any]:
    answer = await app.client.put(CLOCK, json=setting)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def advance(app: LiveApp, **by: Any) -> dict[str, Any]:
    answer = await app.client.post(f"{CLOCK}/advance", json=by)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def shown(app: LiveApp, key: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = (await app.client.get(CLOCK, params={"api_key": key} if key else {})).json()
    return found


def standing_at(now: float, time: str) -> dict[str, Any]:
    return {"mode": "manual", "now": now, "time": time, "waiting": 0, "next_due": None}


async def stuck(app: LiveApp, run: str, seq_id: int = 1) -> str:
    """The request id of a step whose result no time brings."""
    step: dict[str, Any] = {"model_id": run, "seq_id": seq_id, "adam_params": {"learning_rate": 1e-3}}
    return str((await app.ask("optim_step", **step))["request_id"])


async def poll(app: LiveApp, request: str) -> str:
    """What is told of an operation: its type."""
    return str((await app.call("POST", "retrieve_future", {"request_id": request})).json()["type"])


async def test_a_clock_stands_until_it_is_moved(app: LiveApp) -> None:
    assert (await shown(app))["mode"] == "real"
    first = await put(app, mode="manual", now="2096-10-02T07:06:40Z")
    assert first == {
        "mode": "manual",
        "now": START,
        "time": "2096-10-02T07:06:40.000000Z",
        "waiting": 0,
        "next_due": None,
    }
    assert await shown(app) == first
    assert (await advance(app, seconds=0.25))["now"] == START + 0.25
    assert (await advance(app, to=START + 1))["time"] == "2096-10-02T07:06:41.000000Z"


async def test_each_tenant_can_have_a_clock_of_its_own(app: LiveApp) -> None:
    await put(app, mode="manual", now=START, api_key=KEY)
    assert (await shown(app, OTHER))["mode"] == (await shown(app))["mode"] == "real"
    await put(app, mode="manual", now=START - 50)
    assert [(await shown(app, key))["now"] for key in (KEY, OTHER)] == [START, START - 50]
    await advance(app, seconds=10)
    assert [(await shown(app, key))["now"] for key in (KEY, OTHER)] == [START, START - 40]
    await advance(app, seconds=10, api_key=OTHER)
    assert [(await shown(app, key))["now"] for key in (KEY, OTHER, None)] == [START, START - 30, START - 40]
    await advance(app, seconds=5)  # who was only moved on still shares what the others do
    assert [(await shown(app, key))["now"] for key in (KEY, OTHER, None)] == [START, START - 25, START - 35]


async def test_what_is_made_bears_its_tenants_time(app: LiveApp) -> None:
    await put(app, mode="manual", now=START, api_key=KEY)
    path = await app.save(await app.new_run(), "kept", 1, ttl_seconds=60)
    [checkpoint] = (await app.call("GET", "checkpoints")).json()["checkpoints"]
    assert (checkpoint["tinker_path"], checkpoint["time"]) == (path, "2096-10-02T07:06:40Z")
    await advance(app, seconds=59, api_key=KEY)
    assert (await app.call("GET", "checkpoints")).json()["cursor"]["total_count"] == 1
    await advance(app, seconds=1, api_key=KEY)
    assert (await app.call("GET", "checkpoints")).json()["cursor"]["total_count"] == 0


async def test_who_waits_is_answered_before_the_advance_is(app: LiveApp) -> None:
    run = await app.new_run()
    await put(app, mode="manual", api_key=KEY)
    request = await stuck(app, run)
    waiting = asyncio.create_task(poll(app, request))
    while not (await shown(app, KEY))["waiting"]:  # noqa: ASYNC110 - the request tells nobody how far it is
        await asyncio.sleep(0)
    assert (await shown(app, KEY))["next_due"] == (await shown(app, KEY))["now"] + 30
    await advance(app, seconds=29.9, api_key=KEY)
    assert not waiting.done()
    await advance(app, seconds=0.1, api_key=KEY)
    assert waiting.done()
    assert await waiting == "try_again"


async def test_a_session_without_heartbeats_and_results_nobody_fetched_are_gone_when_the_advance_is_answered(
    app: LiveApp,
) -> None:
    await put(app, mode="manual", api_key=KEY)
    session = (await app.ask("create_session", tags=[], sdk_version="0.38.0"))["session_id"]
    run = await app.new_run()
    saved = (await app.ask("save_weights", model_id=run, path="a", seq_id=1))["request_id"]
    await app.ask("retrieve_future", request_id=saved)
    await advance(app, seconds=86_399, api_key=KEY)
    await app.ask("session_heartbeat", session_id=session)
    await app.ask("retrieve_future", request_id=saved)
    await advance(app, seconds=1, api_key=KEY)
    assert (await app.call("POST", "retrieve_future", {"request_id": saved})).status_code == 410
    await app.ask("session_heartbeat", session_id=session)
    await advance(app, seconds=86_400, api_key=KEY)
    assert (await app.call("POST", "session_heartbeat", {"session_id": session})).status_code == 410


async def test_a_token_and_a_signed_address_last_as_long_as_their_tenants_clock_says(app: LiveApp) -> None:
    path = await app.save(await app.new_run(), "kept", 1)
    _, _, run, kind, name = path.split("/")
    for key, left in ((OTHER, 200), (KEY, 403)):
        await put(app, mode="manual", api_key=key)
        url = (await app.call("GET", f"training_runs/{run}/checkpoints/{kind}/{name}/archive")).headers["location"]
        await advance(app, seconds=900, api_key=key)
        assert (await app.client.get(url)).status_code == left
    token = (await app.ask("auth/token"))["jwt"]
    await advance(app, seconds=3599, api_key=KEY)
    assert (await app.call("GET", "checkpoints", key=token)).status_code == 200
    await advance(app, seconds=1, api_key=KEY)
    assert (await app.call("GET", "checkpoints", key=token)).status_code == 401


async def test_a_gap_is_given_up_and_what_stood_behind_it_done_when_the_advance_is_answered(app: LiveApp) -> None:
    run = await app.new_run()
    await put(app, mode="manual", api_key=KEY)
    saved = (await app.ask("save_weights", model_id=run, path="behind", seq_id=3))["request_id"]
    await advance(app, seconds=4.9, api_key=KEY)
    assert (await app.call("GET", "checkpoints")).json()["checkpoints"] == []
    await advance(app, seconds=0.1, api_key=KEY)
    assert len((await app.call("GET", "checkpoints")).json()["checkpoints"]) == 1
    assert "path" in await app.ask("retrieve_future", request_id=saved)


async def test_an_auto_clock_skips_what_a_client_waits_for(app: LiveApp) -> None:
    run = await app.new_run()
    await put(app, mode="auto", api_key=KEY)
    before = (await shown(app, KEY))["now"]
    request = await stuck(app, run)
    assert await poll(app, request) == "try_again"
    assert await poll(app, request) == "try_again"
    passed = (await shown(app, KEY))["now"] - before
    assert passed >= 60
    assert (await shown(app))["now"] - before < passed, "it is this tenant's time alone"


async def test_under_an_auto_clock_each_tenant_skips_time_of_its_own(tmp_path: Path) -> None:
    async with live_app(tmp_path, clock="auto", dials={"optim_step": "never"}) as app:
        request = await stuck(app, await app.new_run())
        assert await poll(app, request) == "try_again"
        mine, others = [(await shown(app, key))["now"] for key in (KEY, OTHER)]
        assert mine - others > 25
        assert [(await shown(app, key))["mode"] for key in (KEY, OTHER)] == ["auto", "auto"]
        await put(app, mode="manual")
        assert [(await shown(app, key))["mode"] for key in (KEY, OTHER)] == ["manual", "manual"]


async def test_an_auto_clock_gives_up_no_gap_that_a_client_may_be_filling(tmp_path: Path) -> None:
    async with live_app(tmp_path, clock="auto", gap_seconds=600) as app:
        run = await app.new_run()
        behind = (await app.ask("save_weights", model_id=run, path="b", seq_id=2))["request_id"]
        waiting = asyncio.create_task(app.ask("retrieve_future", request_id=behind))
        before = (await shown(app, KEY))["now"]
        await asyncio.sleep(5 * QUIET_SECONDS)  # real time: an idle clock would have skipped by now
        assert (await shown(app, KEY))["now"] - before < 600
        assert "path" in await app.result("save_weights", model_id=run, path="a", seq_id=1)
        assert "path" in await waiting


async def test_no_clock_goes_backwards_when_the_server_starts_again(tmp_path: Path) -> None:
    async with live_app(tmp_path) as app:
        await put(app, mode="manual", now=START, api_key=KEY)
        await put(app, now=START - 100, api_key=OTHER)
        await advance(app, seconds=20, api_key=KEY)
    async with live_app(tmp_path) as again:
        assert await shown(again, KEY) == standing_at(START + 20, "2096-10-02T07:07:00.000000Z")
        other = await shown(again, OTHER)
        assert (other["mode"], other["now"] >= START - 100) == ("real", True)
        await put(again, mode="real", api_key=KEY)
        assert (await shown(again, KEY))["now"] >= START + 20
    async with live_app(tmp_path, clock="manual") as third:
        assert (await shown(third, KEY))["now"] >= START + 20
        assert [(await shown(third, key))["mode"] for key in (KEY, OTHER, None)] == ["real", "manual", "manual"]
        standing = (await shown(third))["now"]
    async with live_app(tmp_path, clock="manual") as fourth:
        assert (await shown(fourth))["now"] == standing


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("PUT", "", {"mode": "fast"}, "mode: Input should be 'real', 'manual' or 'auto' (given 'fast')"),
        ("PUT", "", {}, "mode and now are both absent: give one of them"),
        ("PUT", "", {"now": "yesterday"}, "now: Value error, is no time: give seconds since the epoch"),
        ("PUT", "", {"now": "2026-07-28T12:00:00"}, "now: Value error, has no zone"),
        ("PUT", "", {"now": True}, "now: Value error, is no time"),
        ("PUT", "", {"now": 1.5}, "now is 1970-01-01T00:00:01.500000Z, and the clock shows 20"),
        ("PUT", "", {"now": 1e11}, "now leads beyond 2200-01-01T00:00:00.000000Z: give less"),
        ("PUT", "", {"mode": "auto", "api_key": "secret"}, "api_key is no key"),
        ("POST", "/advance", {}, "give either seconds or to"),
        ("POST", "/advance", {"seconds": 1, "to": 4e9}, "give either seconds or to"),
        ("POST", "/advance", {"seconds": -1}, "seconds: Input should be greater than or equal to 0 (given -1)"),
        ("POST", "/advance", {"seconds": 1e11}, "seconds leads beyond 2200-01-01T00:00:00.000000Z: give less"),
        ("POST", "/advance", {"to": 0}, "time never goes backwards, so give a later one"),
        ("POST", "/advance", {"second": 1}, "second: Extra inputs are not permitted"),
    ],
)
async def test_a_time_that_makes_no_sense_is_refused_with_its_field(
    app: LiveApp, method: str, path: str, body: dict[str, Any], message: str
) -> None:
    before = await shown(app)
    answer = await app.client.request(method, CLOCK + path, json=body)
    assert answer.status_code in {400, 422}
    assert message in answer.json()["detail"]
    assert (await shown(app))["now"] - before["now"] < 1000
    assert (await shown(app))["mode"] == "real"


async def test_a_tenant_of_whom_nothing_is_left_goes_by_the_shared_clock_again(app: LiveApp) -> None:
    await put(app, mode="manual", now=START, api_key=KEY)
    await app.runtime.clocks.forget(tenant_of(KEY))
    assert (await shown(app, KEY))["mode"] == "real"
    assert (await shown(app, KEY))["now"] < START
