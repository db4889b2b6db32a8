"""Training runs as the state has them: steps, numbers, operations and checkpoints, whatever was loaded before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mock_server.domain.tenants import tenant_of
from tests.api.live_app import KEY, live_app
from tests.runtime.world import TEXT, batch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.api.live_app import LiveApp


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[LiveApp]:
    async with live_app(tmp_path) as app:
        yield app


async def train(app: LiveApp, run: str, first: int, steps: int, key: str = KEY) -> None:
    """Steps under the seq_ids from `first`, two each."""
    for seq_id in range(first, first + 2 * steps, 2):
        body: dict[str, Any] = json.loads(batch(run, seq_id, TEXT))
        await app.result("forward_backward", key, **body)
        await app.result("optim_step", key, model_id=run, seq_id=seq_id + 1, adam_params={"learning_rate": 1e-3})


async def shown(app: LiveApp, run: str) -> dict[str, Any]:
    answer = await app.client.get(f"/__admin/runs/{run}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_run_shows_the_steps_behind_its_weights_and_what_it_was_asked(app: LiveApp) -> None:
    run = await app.new_run()
    await train(app, run, 1, 3)
    path = await app.save(run, "three", 7)
    state = await shown(app, run)
    assert (state["tenant"], state["status"], state["corrupted"]) == (tenant_of(KEY), "active", False)
    assert (state["optimizer_steps"], state["last_seq_id"]) == (3, 7)
    assert state["operations"] == {"succeeded": 8}
    (checkpoint,) = state["checkpoints"]
    assert (checkpoint["path"], checkpoint["kind"], checkpoint["name"]) == (path, "weights", "three")
    assert checkpoint["size_bytes"] > 0


async def test_what_waits_for_a_missing_request_is_counted(app: LiveApp) -> None:
    run = await app.new_run()
    await app.ask("optim_step", model_id=run, seq_id=3, adam_params={"learning_rate": 1e-3})
    state = await shown(app, run)
    assert (state["operations"], state["optimizer_steps"]) == ({"queued": 1, "succeeded": 1}, 0)
    assert state["last_seq_id"] is None


@pytest.mark.parametrize(("optimizer", "steps"), [(True, 2), (False, 0)])
async def test_steps_are_those_of_a_loaded_checkpoint(app: LiveApp, optimizer: bool, steps: int) -> None:
    run = await app.new_run()
    await train(app, run, 1, 2)
    path = await app.save(run, "two", 5)
    await train(app, run, 6, 1)
    assert (await shown(app, run))["optimizer_steps"] == 3
    loaded = await app.result("load_weights", model_id=run, seq_id=8, path=path, optimizer=optimizer)
    assert "error" not in loaded
    assert (await shown(app, run))["optimizer_steps"] == steps
    await train(app, run, 9, 1)
    assert (await shown(app, run))["optimizer_steps"] == steps + 1


async def test_a_tenants_runs_are_listed_apart_and_all_together(app: LiveApp) -> None:
    mine, other = await app.new_run(), await app.new_run("tml-other")
    for query, expected in (({"api_key": KEY}, [mine]), ({"api_key": "tml-other"}, [other]), ({}, [mine, other])):
        answer = await app.client.get("/__admin/runs", params=query)
        assert [run["id"] for run in answer.json()["runs"]] == expected
    missing = await app.client.get("/__admin/runs/none")
    assert (missing.status_code, "training run 'none' does not exist" in missing.json()["detail"]) == (404, True)
