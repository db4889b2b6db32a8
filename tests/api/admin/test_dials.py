"""Dials by HTTP: turned for all or for one tenant, for what is under way as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mock_server.domain.dials import OPERATION_KINDS
from tests.api.live_app import KEY, live_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.api.live_app import LiveApp

DIALS = "/__admin/dials"
STEP: dict[str, Any] = {"adam_params": {"learning_rate": 1e-3}}


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[LiveApp]:
    async with live_app(tmp_path, dials={"forward": "never"}, poll_seconds=0.2) as app:
        yield app


async def turn(app: LiveApp, kind: str, dial: str, **whose: str) -> dict[str, str]:
    answer = await app.client.put(f"{DIALS}/{kind}", json={"dial": dial, **whose})
    assert answer.status_code == 200, answer.text
    dials: dict[str, str] = answer.json()["dials"]
    return dials


async def shown(app: LiveApp, **whose: str) -> dict[str, str]:
    dials: dict[str, str] = (await app.client.get(DIALS, params=whose)).json()["dials"]
    assert set(dials) == set(OPERATION_KINDS)
    return dials


async def polled(app: LiveApp, request_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await app.call("POST", "retrieve_future", {"request_id": request_id})).json()
    return found


async def test_one_tenants_dial_is_nobody_elses(app: LiveApp) -> None:
    assert (await turn(app, "optim_step", "after:2", api_key=KEY))["optim_step"] == "after:2"
    assert (await shown(app, api_key=KEY))["forward"] == "never"
    assert (await shown(app, api_key="tml-other"))["optim_step"] == (await shown(app))["optim_step"] == "immediate"
    await turn(app, "optim_step", "polls:3")
    assert (await shown(app, api_key=KEY))["optim_step"] == "after:2"
    assert (await shown(app, api_key="tml-other"))["optim_step"] == "polls:3"
    reset = await app.client.delete(DIALS, params={"api_key": KEY})
    assert reset.json()["dials"]["optim_step"] == "polls:3"
    assert (await app.client.delete(DIALS)).json()["dials"]["optim_step"] == "immediate"
    assert (await shown(app))["forward"] == "never"


async def test_what_is_held_back_is_told_when_its_dial_is_turned(app: LiveApp) -> None:
    run = await app.new_run()
    await turn(app, "optim_step", "never/paused_capacity/no GPU is free", api_key=KEY)
    held = (await app.ask("optim_step", model_id=run, seq_id=1, **STEP))["request_id"]
    waiting = await polled(app, held)
    assert (waiting["type"], waiting["queue_state"]) == ("try_again", "paused_capacity")
    await turn(app, "optim_step", "immediate", api_key=KEY)
    assert (await polled(app, held))["type"] == "optim_step"


async def test_a_timer_that_was_set_by_an_earlier_dial_counts_no_more(app: LiveApp) -> None:
    run = await app.new_run()
    await turn(app, "optim_step", "after:0.3")
    held = (await app.ask("optim_step", model_id=run, seq_id=1, **STEP))["request_id"]
    assert (await polled(app, held))["type"] == "try_again"
    await turn(app, "optim_step", "never")
    assert [(await polled(app, held))["type"] for _ in range(3)] == ["try_again"] * 3
    await turn(app, "optim_step", "polls:2")
    assert (await polled(app, held))["type"] == "optim_step"


async def test_a_result_is_released_by_hand(app: LiveApp) -> None:
    run = await app.new_run()
    await turn(app, "optim_step", "manual")
    held = (await app.ask("optim_step", model_id=run, seq_id=1, **STEP))["request_id"]
    assert (await polled(app, held))["type"] == "try_again"
    assert (await app.client.post(f"/__admin/operations/{held}/release")).status_code == 204
    assert (await polled(app, held))["type"] == "optim_step"
    again = await app.client.post(f"/__admin/operations/{held}/release")
    assert (again.status_code, again.json()["detail"]) == (404, f"no finished operation '{held}' is held back")


@pytest.mark.parametrize(
    ("kind", "body", "status", "message"),
    [
        ("optim_stp", {"dial": "never"}, 404, "kind of operation 'optim_stp' is unknown: did you mean optim_step?"),
        ("optim_step", {"dial": "later"}, 400, "dial: 'later' is no dial: give immediate, after:<seconds>"),
        ("optim_step", {"dial": "never", "api_key": "x"}, 400, "api_key is no key"),
        ("optim_step", {}, 422, "dial: Field required"),
    ],
)
async def test_a_wrong_dial_is_refused(
    app: LiveApp, kind: str, body: dict[str, str], status: int, message: str
) -> None:
    answer = await app.client.put(f"{DIALS}/{kind}", json=body)
    assert (answer.status_code, message in answer.json()["detail"]) == (status, True), answer.text
    assert (await shown(app))["optim_step"] == "immediate"
