"""Reset, seed data and snapshots by HTTP: one tenant's world, and nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mock_server.domain.tenants import tenant_of
from mock_server.seeding import catalogue
from tests.api.live_app import KEY, live_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.api.live_app import LiveApp

OTHER = "tml-other"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[LiveApp]:
    async with live_app(tmp_path) as app:
        yield app


async def post(app: LiveApp, path: str, status: int = 200, **body: Any) -> Any:
    answer = await app.client.post(f"/__admin/{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def runs(app: LiveApp, key: str = KEY) -> list[str]:
    answer = (await app.call("GET", "training_runs", key=key)).json()
    return [run["training_run_id"] for run in answer["training_runs"]]


async def test_seed_data_are_listed_given_and_found_by_the_client(app: LiveApp) -> None:
    listed = (await app.client.get("/__admin/seeds")).json()["seeds"]
    assert [each["name"] for each in listed] == list(catalogue())
    sown = await post(app, "seeds", 201, api_key=KEY, seed="one-run-ready-to-sample")
    assert sown["runs"] == await runs(app)
    checkpoints = (await app.call("GET", "checkpoints")).json()["checkpoints"]
    assert [each["tinker_path"] for each in reversed(checkpoints)] == sown["checkpoints"]
    prompt = {"chunks": [{"type": "encoded_text", "tokens": [100, 101]}]}
    parameters = {"max_tokens": 2, "temperature": 0.0, "stop": []}
    sampled = await app.result(
        "asample", sampling_session_id=sown["samplers"][0], seq_id=0, prompt=prompt, sampling_params=parameters
    )
    assert len(sampled["sequences"][0]["tokens"]) == 2
    # What is listed can be given, too.
    (given,) = [each["data"] for each in listed if each["name"] == "one-run-ready-to-sample"]
    again = await post(app, "reset", api_key=KEY, seed=given)
    assert again == sown


async def test_a_reset_is_one_tenants_and_begins_its_journal_anew(app: LiveApp) -> None:
    mine, other = await app.new_run(), await app.new_run(OTHER)
    rule = {"operation": "forward", "phase": "before_handler", "effect": {"status": {"status": 503}}}
    for key in (KEY, OTHER):
        await app.client.post("/__admin/faults", json={"rule": rule, "api_key": key})
    assert await post(app, "reset", api_key=KEY) == {"sessions": [], "runs": [], "checkpoints": [], "samplers": []}
    assert (await runs(app), await runs(app, OTHER)) == ([], [other])
    assert (await app.call("POST", "get_info", {"model_id": mine})).status_code == 404
    faults = (await app.client.get("/__admin/faults")).json()["faults"]
    assert [each["tenant"] for each in faults] == [tenant_of(OTHER)]
    journal = (await app.client.get("/__admin/journal", params={"api_key": KEY})).json()["exchanges"]
    assert [(each["number"], each["operation"]) for each in journal] == [(1, "list_training_runs"), (2, "get_info")]
    # Everything again, with the ids of the first time.
    assert await app.new_run() == mine


async def test_a_snapshot_is_saved_listed_restored_and_deleted(app: LiveApp) -> None:
    run = await app.new_run()
    await app.save(run, "one", 1)
    saved = await post(app, "snapshots", 201, api_key=KEY, name="before")
    assert (saved["name"], saved["artifacts"], saved["format"]) == ("before", 1, 1)
    listed = (await app.client.get("/__admin/snapshots", params={"api_key": KEY})).json()
    assert listed == {"snapshots": [saved], "unusable": []}
    assert (await app.client.get("/__admin/snapshots", params={"api_key": OTHER})).json()["snapshots"] == []
    path = await app.save(run, "two", 2)
    assert await post(app, "snapshots/before/restore", api_key=KEY) == saved
    gone = await app.call("GET", f"training_runs/{run}/checkpoints")
    assert [each["checkpoint_id"] for each in gone.json()["checkpoints"]] == ["weights/one"]
    # The same request as before, and the same name is free again.
    assert await app.save(run, "two", 2) == path
    await post(app, "reset", api_key=KEY, to="snapshot", snapshot="before")
    assert await runs(app) == [run]
    deleted = await app.client.delete("/__admin/snapshots/before", params={"api_key": KEY})
    assert deleted.status_code == 204
    assert (await app.client.get("/__admin/snapshots", params={"api_key": KEY})).json()["snapshots"] == []


async def test_a_deleted_key_works_again_where_nothing_knows_of_its_deletion(app: LiveApp) -> None:
    await app.ask("create_session", tags=[])
    await post(app, "snapshots", 201, api_key=KEY, name="live")
    await app.call("DELETE", "auth/apikey/me")
    assert (await app.call("GET", "sessions")).status_code == 401
    await post(app, "snapshots", 201, api_key=KEY, name="dead")
    await post(app, "snapshots/live/restore", api_key=KEY)
    assert (await app.call("GET", "sessions")).status_code == 200
    await post(app, "snapshots/dead/restore", api_key=KEY)
    assert (await app.call("GET", "sessions")).status_code == 401
    await post(app, "reset", api_key=KEY)
    assert (await app.call("GET", "sessions")).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("seeds", {"api_key": KEY, "seed": "one-rnu"}, 404, "seed data 'one-rnu' is unknown: did you mean one-run?"),
        ("seeds", {"api_key": KEY, "seed": {"sessions": []}}, 400, "seed_data.sessions: List should have at least"),
        ("seeds", {"api_key": "secret", "seed": "one-run"}, 400, "api_key is no key"),
        ("seeds", {"seed": "one-run"}, 422, "api_key: Field required"),
        ("reset", {"api_key": KEY, "to": "nothing"}, 422, "to: Input should be 'seed', 'empty' or 'snapshot'"),
        ("reset", {"api_key": KEY, "to": "snapshot"}, 400, "snapshot is absent: name the one to go back to"),
        ("reset", {"api_key": KEY, "to": "snapshot", "snapshot": "x"}, 404, "this tenant has no snapshot: save one"),
        ("snapshots", {"api_key": KEY, "name": "../up"}, 400, "name is '../up': use 1 to 100 letters, digits and _.-"),
        ("snapshots/x/restore", {"api_key": KEY}, 404, "this tenant has no snapshot: save one"),
    ],
)
async def test_what_can_not_be_meant_is_refused(
    app: LiveApp, path: str, body: dict[str, Any], status: int, message: str
) -> None:
    answer = await app.client.post(f"/__admin/{path}", json=body)
    assert (answer.status_code, message in answer.json()["detail"]) == (status, True), answer.text


async def test_a_snapshot_that_can_not_be_used_is_refused_and_named(app: LiveApp, tmp_path: Path) -> None:
    await app.ask("create_session", tags=[])
    await post(app, "snapshots", 201, api_key=KEY, name="new")
    path = tmp_path / "snapshots" / tenant_of(KEY) / "new.zip"
    path.write_bytes(b"not this")
    listed = (await app.client.get("/__admin/snapshots", params={"api_key": KEY})).json()
    assert (listed["snapshots"], listed["unusable"][0]["name"]) == ([], "new")
    answer = await app.client.post("/__admin/snapshots/new/restore", json={"api_key": KEY})
    assert (answer.status_code, answer.json()["detail"].split("(")[0]) == (400, "snapshot 'new': is damaged ")
