"""The control plane's faults: who may set them, what they do, and what is said of wrong ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from mock_server.app import create_app
from mock_server.settings import Settings
from tests.api.live_app import KEY, live_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.api.live_app import LiveApp

BUSY = {"operation": "create_session", "phase": "before_handler", "effect": {"status": {"status": 503}}}
FAULTS = "/__admin/faults"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[LiveApp]:
    async with live_app(tmp_path) as app:
        yield app


async def new_session(app: LiveApp, key: str = KEY) -> int:
    return (await app.call("POST", "create_session", {"tags": []}, key)).status_code


async def test_a_fault_strikes_until_it_is_lifted(app: LiveApp) -> None:
    added = await app.client.post(FAULTS, json={"rule": {**BUSY, "on": [2]}})
    assert added.status_code == 201
    assert [await new_session(app) for _ in range(3)] == [200, 503, 200]
    listed = (await app.client.get(FAULTS)).json()["faults"]
    assert [(each["calls"], each["struck"], each["rule"]["on"]) for each in listed] == [(3, 1, [2])]
    assert (await app.client.delete(f"{FAULTS}/{added.json()['id']}")).status_code == 204
    assert (await app.client.get(FAULTS)).json() == {"faults": []}


async def test_one_tenants_fault_is_nobody_elses(app: LiveApp) -> None:
    await app.client.post(FAULTS, json={"rule": BUSY, "api_key": "tml-unlucky"})
    assert [await new_session(app, key) for key in ("tml-unlucky", "tml-lucky")] == [503, 200]
    assert (await app.client.delete(FAULTS, params={"api_key": "tml-lucky"})).status_code == 204
    assert await new_session(app, "tml-unlucky") == 503
    assert (await app.client.delete(FAULTS)).status_code == 204
    assert await new_session(app, "tml-unlucky") == 200


async def test_work_whose_answer_failed_is_done_all_the_same(app: LiveApp) -> None:
    run = await app.new_run()
    lost = {"operation": "optim_step", "phase": "after_commit", "effect": {"status": {"status": 500}}, "on": 1}
    await app.client.post(FAULTS, json={"rule": lost})
    step: dict[str, Any] = {"model_id": run, "seq_id": 1, "adam_params": {"learning_rate": 1e-3}}
    assert (await app.call("POST", "optim_step", step)).status_code == 500
    first = await app.ask("optim_step", **step)
    assert await app.ask("optim_step", **step) == first


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"rule": {**BUSY, "operation": "optim_stp"}}, "rule.operation 'optim_stp' is none of the API's"),
        ({"rule": {**BUSY, "effect": "rest"}}, "rule.effect: 'rest' is unknown: did you mean reset?"),
        ({"rule": {**BUSY, "phase": "now"}}, "rule.phase: Input should be 'before_handler'"),
        ({"rule": BUSY, "api_key": "secret"}, "api_key is no key"),
        ({"rul": BUSY}, "rule: Field required"),
    ],
)
async def test_a_wrong_fault_is_refused_with_its_field(app: LiveApp, body: dict[str, Any], message: str) -> None:
    answer = await app.client.post(FAULTS, json=body)
    assert answer.status_code in {400, 422}
    assert message in answer.json()["detail"]
    assert (await app.client.get(FAULTS)).json() == {"faults": []}


async def test_an_unknown_fault_can_not_be_lifted(app: LiveApp) -> None:
    answer = await app.client.delete(f"{FAULTS}/7")
    assert (answer.status_code, answer.json()["detail"].split(":")[0]) == (404, "fault 7 is not active")


@pytest.mark.parametrize(
    ("settings", "client", "headers", "status"),
    [
        ({}, "127.0.0.1", {}, 200),
        ({}, "::1", {}, 200),
        ({}, "192.0.2.7", {}, 403),
        ({}, "127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}, 403),
        ({"admin_token": "let-me-in"}, "192.0.2.7", {"X-Admin-Token": "let-me-in"}, 200),
        ({"admin_token": "let-me-in"}, "127.0.0.1", {}, 401),
        ({"admin_token": "let-me-in"}, "127.0.0.1", {"X-Admin-Token": "guess"}, 401),
    ],
)
async def test_only_this_machine_or_the_token_opens_it(
    tmp_path: Path, settings: dict[str, Any], client: str, headers: dict[str, str], status: int
) -> None:
    app = create_app(Settings(data_dir=tmp_path, **settings))
    transport = httpx.ASGITransport(app, client=(client, 1234))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://server.test") as http,
    ):
        assert (await http.get(FAULTS, headers=headers)).status_code == status
