"""Scenarios of a running server: chosen by key, header and control plane, each tenant's its own, and judged."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from mock_server.app import create_app
from mock_server.scenarios import UnknownScenario
from mock_server.scenarios.skeleton import skeleton
from mock_server.settings import Settings
from tests.api.live_app import KEY, live_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.api.live_app import LiveApp

SCENARIOS = "/__admin/scenarios"
REFUSED_ONCE = "create-session-refused-once"
BUSY: dict[str, Any] = {
    "id": "busy",
    "title": "Every session is refused",
    "source": "a test",
    "requirements": ["C-BACKOFF"],
    "happens": "Answers 503.",
    "good_client": "Waits.",
    "client_config": {"parallel_fwdbwd_chunks": False},
    "dynamic_config": {"sample_cancel_enabled": True},
    "faults": [{"operation": "create_session", "phase": "before_handler", "effect": {"status": {"status": 503}}}],
}


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[LiveApp]:
    async with live_app(tmp_path) as app:
        yield app


async def new_session(app: LiveApp, key: str = KEY, **headers: str) -> httpx.Response:
    return await app.call("POST", "create_session", {"tags": [], "sdk_version": "0.38.0"}, key, headers=headers)


async def played(app: LiveApp, key: str) -> Any:
    (one,) = (await app.client.get(SCENARIOS, params={"api_key": key})).json()["scenarios"]
    return one


async def test_a_key_chooses_and_each_key_plays_for_itself(app: LiveApp) -> None:
    keys = [f"tml-scenario-{REFUSED_ONCE}-{number}" for number in range(2)] + [f"tml-scenario-{REFUSED_ONCE}"]
    for key in keys:
        assert [(await new_session(app, key)).status_code for _ in range(3)] == [503, 200, 200]
        one = await played(app, key)
        assert (one["scenario"], one["chosen_by"], one["since"]) == (REFUSED_ONCE, "API key", 1)
        assert (one["faults"][0]["calls"], one["faults"][0]["struck"]) == (3, 1)
    assert (await new_session(app)).status_code == 200
    assert len((await app.client.get(SCENARIOS)).json()["scenarios"]) == 3


async def test_a_header_chooses_and_another_one_chooses_again(app: LiveApp) -> None:
    header = {"x-tinker-mock-scenario": REFUSED_ONCE}
    assert [(await new_session(app, **header)).status_code for _ in range(2)] == [503, 200]
    assert (await new_session(app)).status_code == 200
    assert (await played(app, KEY))["chosen_by"] == "header"
    other = {"x-tinker-mock-scenario": "lost-response-doubles-step"}
    assert (await new_session(app, **other)).status_code == 200
    assert (await played(app, KEY))["since"] == 4
    # Chosen again, it begins at its beginning.
    assert (await new_session(app, **header)).status_code == 503


@pytest.mark.parametrize(
    ("key", "header", "message"),
    [
        ("tml-scenario-create-session-refused-onse", {}, "scenario 'create-session-refused-onse' is unknown: did you"),
        (KEY, {"x-tinker-mock-scenario": "zzz"}, "the header x-tinker-mock-scenario chooses what this server plays"),
    ],
)
async def test_what_is_no_scenario_is_refused(app: LiveApp, key: str, header: dict[str, str], message: str) -> None:
    answer = await new_session(app, key, **header)
    assert answer.status_code == 400
    assert message in answer.json()["detail"]
    assert answer.json()["detail"] == answer.json()["message"]


async def test_requests_that_come_together_begin_it_once(app: LiveApp) -> None:
    answers = await asyncio.gather(*(new_session(app, f"tml-scenario-{REFUSED_ONCE}") for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [503]


async def test_the_control_plane_begins_lists_and_ends(app: LiveApp) -> None:
    begun = await app.client.post(SCENARIOS, json={"scenario": BUSY, "api_key": KEY, "seed": 5})
    assert begun.status_code == 201, begun.text
    assert (begun.json()["chosen_by"], begun.json()["seed"]) == ("control plane", 5)
    assert [(await new_session(app)).status_code for _ in range(2)] == [503, 503]
    assert (await new_session(app, "tml-other")).status_code == 200
    config = (await app.call("POST", "client/config", {"sdk_version": "0.38.0"})).json()
    assert config["parallel_fwdbwd_chunks"] is False
    assert (await app.call("POST", "client/dynamic_config", {})).json()["sample_cancel_enabled"] is True
    others = await app.call("POST", "client/config", {"sdk_version": "0.38.0"}, "tml-other")
    assert others.json()["parallel_fwdbwd_chunks"] is True
    ended = await app.client.delete(SCENARIOS, params={"api_key": KEY})
    assert ended.json()["faults"][0]["struck"] == 2
    assert (await new_session(app)).status_code == 200
    config = (await app.call("POST", "client/config", {"sdk_version": "0.38.0"})).json()
    assert config["parallel_fwdbwd_chunks"] is True
    assert (await app.client.get(SCENARIOS)).json() == {"scenarios": []}
    assert (await app.client.delete(SCENARIOS, params={"api_key": KEY})).status_code == 404


async def test_whom_the_control_plane_let_out_stays_out_until_it_asks_by_header(app: LiveApp) -> None:
    key = f"tml-scenario-{REFUSED_ONCE}-x"
    assert (await new_session(app, key)).status_code == 503
    await app.client.delete(SCENARIOS, params={"api_key": key})
    assert (await new_session(app, key)).status_code == 200
    assert (await new_session(app, key, **{"x-tinker-mock-scenario": REFUSED_ONCE})).status_code == 503


async def test_the_tenants_clock_is_the_scenarios_as_long_as_it_plays(app: LiveApp) -> None:
    async def mode(key: str) -> str:
        return str((await app.client.get("/__admin/clock", params={"api_key": key})).json()["mode"])

    begun = await app.client.post(SCENARIOS, json={"scenario": {**BUSY, "clock": "manual"}, "api_key": KEY})
    assert begun.status_code == 201
    assert (await mode(KEY), await mode("tml-other")) == ("manual", "real")
    await app.client.delete(SCENARIOS, params={"api_key": KEY})
    assert await mode(KEY) == "real"


async def test_what_is_given_is_there_when_the_client_comes(app: LiveApp) -> None:
    given = {**BUSY, "given": {"seed_data": "one-run-two-checkpoints"}, "expect": {"state": [{"checkpoints": 2}]}}
    assert (await app.client.post(SCENARIOS, json={"scenario": given, "api_key": KEY})).status_code == 201
    (run,) = (await app.client.get("/__admin/runs", params={"api_key": KEY})).json()["runs"]
    assert [each["name"] for each in run["checkpoints"]] == ["after-2", "after-4"]
    verdict = await app.client.get(f"{SCENARIOS}/verdict", params={"api_key": KEY})
    assert verdict.json()["kept"], verdict.text
    # Begun again, it does not make them twice.
    assert (await app.client.post(SCENARIOS, json={"scenario": given, "api_key": KEY})).status_code == 201
    assert len((await app.client.get("/__admin/runs", params={"api_key": KEY})).json()["runs"]) == 1


async def test_who_begins_anew_plays_from_the_beginning(app: LiveApp) -> None:
    key = f"tml-scenario-{REFUSED_ONCE}-x"
    for _ in range(2):
        assert [(await new_session(app, key)).status_code for _ in range(2)] == [503, 200]
        assert (await played(app, key))["since"] == 1
        assert (await app.client.post("/__admin/reset", json={"api_key": key})).status_code == 200
    assert (await app.client.get("/__admin/faults")).json() == {"faults": []}


async def test_a_scenario_leaves_other_faults_alone(app: LiveApp) -> None:
    rule = {"operation": "healthz", "phase": "before_handler", "effect": {"status": {"status": 418}}}
    await app.client.post("/__admin/faults", json={"rule": rule})
    for _ in range(2):
        await app.client.post(SCENARIOS, json={"scenario": BUSY, "api_key": KEY})
    assert len((await app.client.get("/__admin/faults")).json()["faults"]) == 2
    await app.client.delete(SCENARIOS, params={"api_key": KEY})
    assert [each["rule"]["operation"] for each in (await app.client.get("/__admin/faults")).json()["faults"]] == [
        ["healthz"]
    ]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"scenario": "seq-id-resued", "api_key": KEY}, 404, "scenario 'seq-id-resued' is unknown: did you mean"),
        ({"scenario": {**BUSY, "titel": 1}, "api_key": KEY}, 400, "scenario: titel: there is no such field"),
        ({"scenario": REFUSED_ONCE, "api_key": "secret"}, 400, "api_key is no key"),
        ({"scenario": REFUSED_ONCE}, 422, "api_key: Field required"),
        ({"scenario": 5, "api_key": KEY}, 422, "scenario"),
    ],
)
async def test_a_wrong_choice_is_refused_with_its_field(
    app: LiveApp, body: dict[str, Any], status: int, message: str
) -> None:
    answer = await app.client.post(SCENARIOS, json=body)
    assert (answer.status_code, message in answer.json()["detail"]) == (status, True), answer.text


async def test_the_catalogue_lists_what_there_is_to_choose(app: LiveApp) -> None:
    listed = (await app.client.get(f"{SCENARIOS}/catalogue")).json()["scenarios"]
    assert REFUSED_ONCE in {each["id"] for each in listed}


async def test_the_control_plane_is_for_administrators(tmp_path: Path) -> None:
    async with live_app(tmp_path, admin_token="a-long-secret") as app:
        assert (await app.client.get(SCENARIOS)).status_code == 401
        assert (await app.client.post(SCENARIOS, json={"scenario": BUSY, "api_key": KEY})).status_code == 401


async def test_everybody_plays_what_the_command_line_says_from_a_file_of_ones_own(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "mine.yaml").write_text(
        skeleton("mine", "mine.yaml", "schema.json").replace("operation: optim_step, on: 2", "operation: healthz")
    )
    choices: list[dict[str, Any]] = [{"scenario": str(own / "mine.yaml")}, {"scenario": "mine", "scenarios_dir": own}]
    for number, chosen in enumerate(choices):
        async with live_app(tmp_path / str(number), **chosen) as app:
            for key in ("tml-a", "tml-b"):
                assert (await new_session(app, key)).status_code == 200
                assert (await played(app, key))["chosen_by"] == "command line"
            key = f"tml-scenario-{REFUSED_ONCE}"
            assert (await new_session(app, key)).status_code == 503


def test_a_server_does_not_start_for_what_is_no_scenario(tmp_path: Path) -> None:
    with pytest.raises(UnknownScenario, match="did you mean seq-id-reused"):
        create_app(Settings(data_dir=tmp_path, scenario="seq-id-reuse"))


async def test_the_verdict_names_what_was_not_kept(app: LiveApp) -> None:
    """A client that repeats create_session under a new idempotency key."""
    key = f"tml-scenario-{REFUSED_ONCE}"
    for number in range(2):
        headers = {"x-idempotency-key": f"k{number}", "x-stainless-retry-count": str(number)}
        await new_session(app, key, **headers)
    verdict = (await app.client.get(f"{SCENARIOS}/verdict", params={"api_key": key})).json()
    assert not verdict["kept"]
    assert verdict["struck"] == [1]
    wrong = {point["expected"]: point for point in verdict["points"] if not point["kept"]}
    distinct = wrong["exactly 1: create_session, with different values of idempotency_key"]
    assert distinct["seen"] == "there were 2"
    assert distinct["evidence"] == [
        "#1 POST /api/v1/create_session -> 503 (status)",
        "#2 POST /api/v1/create_session -> 200",
    ]
    assert (await app.client.get(f"{SCENARIOS}/verdict", params={"api_key": KEY})).status_code == 404


async def test_no_verdict_without_a_journal(tmp_path: Path) -> None:
    async with live_app(tmp_path, journal=False) as app:
        key = f"tml-scenario-{REFUSED_ONCE}"
        assert (await new_session(app, key)).status_code == 503
        answer = await app.client.get(f"{SCENARIOS}/verdict", params={"api_key": key})
        assert (answer.status_code, "TINKER_MOCK_JOURNAL" in answer.text) == (404, True)


async def test_what_the_journal_forgot_is_no_proof(tmp_path: Path) -> None:
    async with live_app(tmp_path, journal_exchanges=2) as app:
        key = f"tml-scenario-{REFUSED_ONCE}"
        for _ in range(4):
            await new_session(app, key)
        verdict = (await app.client.get(f"{SCENARIOS}/verdict", params={"api_key": key})).json()
        assert any("its oldest exchanges are gone" in point["seen"] for point in verdict["points"])
