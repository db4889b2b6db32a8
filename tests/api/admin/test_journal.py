"""The journal by HTTP: what it tells of real requests, faults included."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from contracts import capture
from mock_server.domain.tenants import tenant_of
from tests.api.live_app import KEY, live_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.api.live_app import LiveApp

JOURNAL = "/__admin/journal"
BUSY = {"operation": "create_session", "phase": "before_handler", "effect": {"status": {"status": 503}}, "silent": True}


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[LiveApp]:
    async with live_app(tmp_path, observe=True) as app:
        yield app


async def told(app: LiveApp, **wanted: Any) -> list[dict[str, Any]]:
    answer = await app.client.get(JOURNAL, params=wanted)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["exchanges"]
    return found


async def test_it_tells_who_asked_what_and_what_was_answered(app: LiveApp) -> None:
    run = await app.new_run()
    await app.call("GET", f"training_runs/{run}", key="tml-other")
    mine, others = await told(app, api_key=KEY), await told(app, api_key=tenant_of("tml-other"))
    assert [(each["number"], each["operation"]) for each in mine] == [
        (1, "create_session"),
        (2, "create_model"),
        (3, "retrieve_future"),
    ]
    assert [(each["operation"], each["response"]["status"]) for each in others] == [("get_training_run", 404)]
    assert len(await told(app)) == 4
    (full,) = await told(app, operation="create_model", bodies=True)
    assert full["request"]["body"]["json"]["lora_config"] == {"rank": 4, "seed": 7}


async def test_a_download_by_a_signed_address_is_its_tenants(app: LiveApp) -> None:
    run = await app.new_run()
    await app.save(run, "one", 1)
    url = (await app.call("GET", f"training_runs/{run}/checkpoints/weights/one/archive")).headers["location"]
    assert (await app.client.get(url)).status_code == 200
    assert [each["operation"] for each in await told(app, api_key=KEY, limit=1)] == ["download"]


async def test_a_silent_fault_is_in_it_and_the_verdicts_of_the_observer(app: LiveApp) -> None:
    await app.client.post("/__admin/faults", json={"rule": BUSY, "api_key": KEY})
    answer = await app.call("POST", "create_session", {"tags": []})
    assert (answer.status_code, "x-tinker-mock-fault" in answer.headers) == (503, False)
    await app.call("GET", "sessions", key="")
    (struck,) = await told(app, fault="status")
    assert (struck["operation"], struck["response"]["status"], struck["faults"]) == ("create_session", 503, ["status"])
    (keyless,) = await told(app, operation="list_sessions")
    assert "key-on-every-call" in [verdict["check"] for verdict in keyless["verdicts"]]


async def test_it_is_exported_and_forgotten(app: LiveApp, tmp_path: Path) -> None:
    await app.new_run()
    for form in ("jsonl", "har"):
        answer = await app.client.get(f"{JOURNAL}/export", params={"format": form, "api_key": KEY})
        assert KEY not in answer.text
        path = tmp_path / f"journal.{form}"
        path.write_bytes(answer.content)
        assert [exchange.notes["operation"] for exchange in capture.read(path)] == [
            "create_session",
            "create_model",
            "retrieve_future",
        ]
    json.loads((tmp_path / "journal.har").read_text())
    assert (await app.client.delete(JOURNAL, params={"api_key": "tml-other"})).status_code == 204
    assert len(await told(app)) == 3
    assert (await app.client.delete(JOURNAL, params={"api_key": KEY})).status_code == 204
    assert await told(app) == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"operation": "optim_stp"}, "operation: 'optim_stp' is unknown: did you mean optim_step?"),
        ({"status": "6xx"}, "status is '6xx': give one such as 503, a class such as 5xx, or nothing"),
        ({"api_key": "secret"}, "api_key is no key"),
        ({"limit": "0"}, "limit: Input should be greater than or equal to 1"),
    ],
)
async def test_a_query_that_can_find_nothing_is_refused(app: LiveApp, query: dict[str, str], message: str) -> None:
    answer = await app.client.get(JOURNAL, params=query)
    assert answer.status_code in {400, 422}
    assert message in answer.json()["detail"]


async def test_expectations_are_verified_with_near_misses(app: LiveApp) -> None:
    run = await app.new_run()
    await app.ask("optim_step", model_id=run, seq_id=1, adam_params={"learning_rate": 1e-3})
    expectations = [
        {"operation": "optim_step", "run": run, "seq_id": 1, "answered": 200, "count": 1},
        {"operation": "optim_step", "request": {"adam_params.learning_rate": 0.01}},
    ]
    answer = await app.client.post(f"{JOURNAL}/verify", json={"expectations": expectations, "api_key": KEY})
    assert answer.status_code == 200, answer.text
    verified = answer.json()
    assert (verified["met"], [each["met"] for each in verified["expectations"]]) == (False, [True, False])
    (miss,) = verified["expectations"][1]["near_misses"]
    assert miss["reasons"] == ["request adam_params.learning_rate is 0.001, not 0.01"]
    assert "#4 POST /api/v1/optim_step -> 200" in verified["text"]
    later = {"expectations": expectations[:1], "since": 4, "api_key": KEY}
    assert not (await app.client.post(f"{JOURNAL}/verify", json=later)).json()["met"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"expectations": []}, "expectations: List should have at least 1 item"),
        (
            {"expectations": [{"operation": "optim_stp"}]},
            "expectations.0.operation: 'optim_stp' is unknown",
        ),
        ({"expectations": [{"fault": "rest"}]}, "expectations.0.fault: 'rest' is unknown: did you mean reset?"),
        ({"expectations": [{"answered": "6xx"}]}, "'6xx' is no answer: give a status, a class such as 4xx, or nothing"),
        ({"expectations": [{"operatoin": "optim_step"}]}, "expectations.0.operatoin: Extra inputs"),
        ({"expectations": [{"request": {"seq_id": {"at_leats": 1}}}]}, "at_leats: Extra inputs"),
        ({"expectations": [{"request": {"seq_id": {"matches": "("}}}]}, "'(' is no regular expression"),
        ({"expectations": [{"count": {"exactly": 1, "at_most": 2}}]}, "exactly excludes at_least and at_most"),
    ],
)
async def test_an_expectation_that_can_not_be_meant_is_refused(
    app: LiveApp, body: dict[str, Any], message: str
) -> None:
    answer = await app.client.post(f"{JOURNAL}/verify", json=body)
    assert answer.status_code in {400, 422}
    assert message in answer.json()["detail"]


async def test_a_server_without_one_says_how_to_get_one(tmp_path: Path) -> None:
    async with live_app(tmp_path, journal=False) as app:
        await app.new_run()
        answer = await app.client.get(JOURNAL)
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "this server keeps no journal: start it with TINKER_MOCK_JOURNAL=true",
    )
