"""What a tenant did and used, and which of it can be found again: audit, billing, search, traces, scopes, keys."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.api.belongings import BASE_MODEL, TOKENS, Belongings, Tenant, acquire, batch, prompt

if TYPE_CHECKING:
    from tests.api.conftest import ServedApp


def window() -> dict[str, str]:
    """From this hour to the next but one, should the hour end meanwhile."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return {"starting_on": hour.isoformat(), "ending_before": (hour + timedelta(hours=2)).isoformat()}


def owning(tenant: Tenant) -> Belongings:
    """Everything, with the sample that was asked for at its end."""
    mine = acquire(tenant)
    tenant.did("retrieve_future", {"request_id": mine.sample_request_id})
    tenant.did("retrieve_future", {"request_id": mine.request_id})
    return mine


def usage(tenant: Tenant) -> dict[str, Any]:
    """Quantities by kind."""
    answer = tenant.get("billing/usage/events", params=window())
    assert answer.status_code == 200, answer.text
    sums: dict[str, Any] = {}
    for event in answer.json()["data"]:
        info = event["event_info"]
        quantity = info.get("token_count", info.get("count", info.get("gigabyte_hours")))
        sums[info["type"]] = sums.get(info["type"], 0) + quantity
    return sums


def test_usage_is_what_was_done(tenant: Tenant) -> None:
    mine = owning(tenant)
    tenant.did("forward_backward", {"model_id": mine.run_id, "seq_id": 15, "forward_backward_input": batch()})
    tenant.did("forward", {"model_id": mine.run_id, "seq_id": 16, "forward_input": batch()})
    seen = usage(tenant)
    assert seen["training"] == 2 * (len(TOKENS) - 1)
    assert seen["sampling_prefill"] == len(TOKENS)
    assert seen["sampling_sample"] == 1
    assert seen["checkpoint"] == len(tenant.get("checkpoints").json()["checkpoints"])
    assert seen["storage"] > 0


def test_a_repeated_or_failed_request_is_no_use(tenant: Tenant) -> None:
    mine = owning(tenant)
    before = usage(tenant)
    body = {"model_id": mine.run_id, "seq_id": 15, "forward_backward_input": batch()}
    for _ in range(3):
        tenant.did("forward_backward", body)
    tenant.post("forward_backward", json={**body, "seq_id": 16, "forward_backward_input": {"data": [], "loss_fn": "x"}})
    assert usage(tenant)["training"] == before.get("training", 0) + len(TOKENS) - 1


def test_events_name_their_session_with_its_project_and_metadata(tenant: Tenant) -> None:
    mine = owning(tenant)
    assert tenant.put(f"sessions/{mine.session_id}/project", json={"project_id": "p"}).status_code == 204
    answer = tenant.get("billing/usage/events", params=window()).json()
    of_session = [event for event in answer["data"] if event["event_info"]["type"] == "sampling_prefill"]
    assert [(event["session_id"], event["project_id"], event["base_model"]) for event in of_session] == [
        (mine.session_id, "p", BASE_MODEL)
    ]
    assert answer["sessions"] == {mine.session_id: {"user_metadata": {"secret": "of its owner"}}}


@pytest.mark.parametrize(
    "bad",
    [
        {"starting_on": "2026-07-13T00:30:00Z"},
        {"ending_before": "2026-07-13T00:30:00Z"},
        {"starting_on": "2999-07-13T00:00:00Z", "ending_before": "2999-07-14T00:00:00Z"},
        {"ending_before": "2026-07-28T00:00:00Z"},
        {"ending_before": "2026-07-12T00:00:00Z"},
    ],
)
def test_a_window_that_can_not_be_answered_is_refused(tenant: Tenant, bad: dict[str, str]) -> None:
    good = {"starting_on": "2026-07-13T00:00:00Z", "ending_before": "2026-07-14T00:00:00Z"}
    assert tenant.get("billing/usage/events", params=good).status_code == 200
    assert tenant.get("billing/usage/events", params={**good, **bad}).status_code == 400


def test_storage_now_counts_checkpoints_and_bytes_by_project(tenant: Tenant) -> None:
    mine = owning(tenant)
    listed = tenant.get("checkpoints").json()["checkpoints"]
    held = tenant.get("billing/usage/checkpoints/current").json()["data"]
    assert [(each["project_id"], each["checkpoint_count"], each["size_bytes"]) for each in held] == [
        (None, len(listed), sum(checkpoint["size_bytes"] for checkpoint in listed))
    ]
    tenant.put(f"sessions/{mine.session_id}/project", json={"project_id": "p"})
    tenant.delete(f"training_runs/{mine.run_id}/checkpoints/weights/{mine.name}")
    of_p = tenant.get("billing/usage/checkpoints/current", params={"project_id": "p"}).json()["data"]
    assert [(each["project_id"], each["checkpoint_count"]) for each in of_p] == [("p", len(listed) - 1)]
    assert tenant.get("billing/usage/checkpoints/current", params={"project_id": "other"}).json()["data"] == []


def test_the_audit_log_tells_todays_deeds(tenant: Tenant, stranger: Tenant) -> None:
    mine = owning(tenant)
    theirs = acquire(stranger)
    body = {"session_id": theirs.session_id, "sampling_session_seq_id": 5, "model_path": mine.published_path}
    stranger.did("create_sampling_session", body)
    entries = tenant.get("audit", params={"event_type": "checkpoints"}).json()["entries"]
    events = [entry["event"] for entry in entries]
    assert events.count("checkpoint_create") == len(tenant.get("checkpoints").json()["checkpoints"])
    assert events[-1] == "checkpoint_read"
    assert "checkpoint_publish" in events
    assert (entries[-1]["tinker_path"], entries[-1]["model_id"], entries[-1]["purpose"]) == (
        mine.published_path,
        mine.run_id,
        "sampling",
    )
    assert tenant.get("audit", params={"day": "2020-01-01"}).json()["entries"] == []
    assert "session_create" in {entry["event"] for entry in tenant.get("audit").json()["entries"]}


def found(tenant: Tenant, **body: Any) -> list[str]:
    answer = tenant.post("sessions/search", json=body)
    assert answer.status_code == 200, answer.text
    return [session["display_name"] for session in answer.json()["sessions"]]


@pytest.fixture
def named(tenant: Tenant) -> dict[str, str]:
    """Session ids by their names, oldest first."""
    made = {}
    given: dict[str, dict[str, Any]] = {
        "Nightly run one": {"project_id": "p", "user_metadata": {"kind": "a", "n": 1}},
        "nightly RUN two": {"user_metadata": {"kind": "a"}},
        "other": {},
    }
    for name, more in given.items():
        made[name] = tenant.did("create_session", {"tags": [], "display_name": name, **more})["session_id"]
    finish = {"reason": {"type": "errored"}, "detail": "no luck"}
    tenant.post(f"sessions/{made['other']}/finish", json=finish)
    return made


def test_sessions_are_found_by_what_was_said_of_them(tenant: Tenant, named: dict[str, str]) -> None:
    one, two, other = named
    assert found(tenant) == [other, two, one]
    assert found(tenant, display_name="run NIGHT") == [two, one]
    assert found(tenant, session_id=named[other]) == [other]
    assert found(tenant, session_id=named[other], display_name="one") == [other, one]
    assert found(tenant, user_metadata={"kind": "a"}) == [two, one]
    assert found(tenant, user_metadata={"kind": "a", "n": "1"}) == [one]
    assert found(tenant, project_ids=["p"]) == [one]
    assert found(tenant, project_ids=["default"]) == [other, two]
    assert found(tenant, statuses=[{"type": "active"}]) == [two, one]
    assert found(tenant, statuses=[{"type": "client_finished", "reasons": ["success"]}]) == []
    assert found(tenant, statuses=[{"type": "failed"}, {"type": "client_finished"}]) == [other]
    assert found(tenant, owner={"type": "accessible"}) == [other, two, one]
    assert found(tenant, owner={"type": "user", "owner_urns": ["tml:user:somebody"]}) == []


def test_a_found_session_tells_its_state(tenant: Tenant, named: dict[str, str]) -> None:
    told = tenant.post("sessions/search", json={"session_id": named["other"]}).json()["sessions"][0]
    assert told["status"] == {"type": "client_finished", "reason": {"type": "errored"}, "detail": "no luck"}
    assert (told["checkpoints_count"], told["checkpoint_storage_bytes"], told["project_id"]) == (0, 0, "default")


def test_the_search_goes_page_by_page(tenant: Tenant, named: dict[str, str]) -> None:
    seen: list[str] = []
    cursor = None
    while True:
        answer = tenant.post("sessions/search", json={"limit": 1, "cursor": cursor}).json()
        seen += [session["display_name"] for session in answer["sessions"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert seen == list(named)[::-1]
    wrong = {"last_created_at": "2026-07-13T00:00:00Z", "last_session_id": "none such"}
    assert tenant.post("sessions/search", json={"cursor": wrong}).status_code == 404


def test_a_session_moves_to_a_project_with_its_runs(tenant: Tenant) -> None:
    mine = owning(tenant)
    assert tenant.get("training_runs", params={"project_id": "p"}).json()["training_runs"] == []
    tenant.put(f"sessions/{mine.session_id}/project", json={"project_id": "p"})
    moved = tenant.get("training_runs", params={"project_id": "p"}).json()["training_runs"]
    assert [run["training_run_id"] for run in moved] == [mine.run_id]


def test_a_trace_holds_every_operation_with_its_times(tenant: Tenant) -> None:
    mine = owning(tenant)
    for seq_id in (15, 16):
        tenant.did("forward_backward", {"model_id": mine.run_id, "seq_id": seq_id, "forward_backward_input": batch()})
    exported = tenant.get(f"sessions/{mine.session_id}/trace_export").json()
    assert exported["status"] == "ready"
    events = httpx.get(exported["url"]).raise_for_status().json()["traceEvents"]
    tracks = {event["pid"]: event["args"]["name"] for event in events if event["ph"] == "M"}
    assert list(tracks.values()) == [mine.run_id, mine.sampler_id]
    begun = {event["id"]: event for event in events if event["ph"] == "b"}
    ended = {event["id"]: event for event in events if event["ph"] == "e"}
    names = [event["name"] for event in begun.values()]
    assert (names[0], names[-3:]) == ("create_model", ["forward_backward", "forward_backward", "sample"])
    assert begun.keys() == ended.keys()
    assert all(begun[name]["ts"] <= ended[name]["ts"] for name in begun)
    assert begun[mine.sample_request_id]["args"]["state"] == "succeeded"


def test_a_trace_needs_its_signature(tenant: Tenant) -> None:
    url = tenant.get(f"sessions/{owning(tenant).session_id}/trace_export").json()["url"]
    for bad in (url.partition("?")[0], url[:-1] + ("0" if url[-1] != "0" else "1")):
        assert httpx.get(bad).status_code == 403


def test_accessible_runs_include_strangers_as_far_as_they_published(tenant: Tenant, stranger: Tenant) -> None:
    theirs = owning(tenant)
    accessible: dict[str, str | int] = {"access_scope": "accessible", "limit": 1000}
    assert stranger.get(f"training_runs/{theirs.run_id}").status_code == 404
    run = stranger.get(f"training_runs/{theirs.run_id}", params={"access_scope": "accessible"}).json()
    assert run["last_checkpoint"]["checkpoint_id"] == "weights/published"
    assert run["last_sampler_checkpoint"] is None
    assert run["user_metadata"] is None
    listed = stranger.get("training_runs", params=accessible).json()
    assert theirs.run_id in {each["training_run_id"] for each in listed["training_runs"]}
    assert stranger.get("training_runs").json()["training_runs"] == []
    tenant.delete(f"training_runs/{theirs.run_id}/checkpoints/weights/published/publish")
    hidden = stranger.get(f"training_runs/{theirs.run_id}", params={"access_scope": "accessible"})
    assert hidden.status_code == 404


@pytest.mark.parametrize("path", ["training_runs", "training_runs/x", "sessions", "sessions/x"])
def test_an_unknown_scope_is_named(tenant: Tenant, path: str) -> None:
    answer = tenant.get(path, params={"access_scope": "everything"})
    assert answer.status_code == 422
    assert "access_scope" in answer.json()["message"]


def test_samplers_are_listed_with_a_cursor(tenant: Tenant) -> None:
    mine = owning(tenant)
    body = {"session_id": mine.session_id, "sampling_session_seq_id": 1, "model_path": mine.path}
    second = tenant.did("create_sampling_session", body)["sampling_session_id"]
    listed = tenant.get("samplers", params={"limit": 1}).json()
    assert listed["samplers"] == [{"sampler_id": second, "base_model": BASE_MODEL, "model_path": mine.path}]
    assert listed["cursor"]["total_count"] == 2


def load(tenant: Tenant, mine: Belongings, path: str, token: str | None, number: int) -> int:
    body = {"session_id": mine.session_id, "model_seq_id": number, "path": path, "optimizer": True}
    answer = tenant.post("load_weights", json={**body, "weights_access_token": token})
    if answer.status_code == 200:
        result = tenant.post("retrieve_future", json={"request_id": answer.json()["request_id"]}).json()
        assert "error" not in result, result
    return answer.status_code


def test_a_weights_access_token_opens_its_own_tenants_checkpoints_only(tenant: Tenant, stranger: Tenant) -> None:
    theirs, mine = owning(tenant), acquire(stranger)
    token = tenant.did("auth/token", {})["jwt"]
    assert load(stranger, mine, theirs.path, None, 1) == 404
    assert load(stranger, mine, theirs.path, "eyJwrong.e30.", 1) == 404
    assert load(stranger, mine, theirs.path, "tml-somebody-else", 1) == 404
    assert load(stranger, mine, theirs.path, token, 1) == 200
    assert load(stranger, mine, theirs.path, tenant.key, 2) == 200
    assert load(stranger, mine, theirs.published_path, "wrong", 3) == 200
    assert load(stranger, mine, mine.path, "wrong", 4) == 200


def test_a_weights_access_token_opens_a_copy(tenant: Tenant, stranger: Tenant) -> None:
    theirs = owning(tenant)
    body = {"source_path": theirs.path, "destination_project_id": "p"}
    assert stranger.post("copy_weights", json=body).status_code == 404
    allowed = stranger.post("copy_weights", json=body, headers={"X-Tinker-Weights-Access-Token": tenant.key})
    assert allowed.status_code == 200, allowed.text


def test_a_stream_tells_the_same_tokens_as_the_future(tenant: Tenant) -> None:
    mine = owning(tenant)
    body = {
        "sampling_session_id": mine.sampler_id,
        "seq_id": 2,
        "num_samples": 1,
        "prompt": prompt(),
        "sampling_params": {"max_tokens": 4, "seed": 3, "stop": []},
    }
    streamed = tenant.post("stream_sample", json=body, headers={"accept": "text/event-stream"})
    assert streamed.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line.removeprefix("data: ")) for line in streamed.text.split("\n\n") if line]
    sequence = tenant.did("asample", body)["sequences"][0]
    assert [event["token_id"] for event in events[:-1]] == sequence["tokens"]
    assert [event["index"] for event in events[:-1]] == [0, 1, 2, 3]
    assert all(event["logprob"] <= 0 and isinstance(event["token"], str) for event in events[:-1])
    assert events[-1] == {"finish_reason": "length", "total_tokens": 4}


def test_a_stream_of_a_sample_that_fails_says_why(tenant: Tenant) -> None:
    mine = owning(tenant)
    body = {
        "sampling_session_id": mine.sampler_id,
        "seq_id": 2,
        "prompt": prompt([1] * 40_000),
        "sampling_params": {"max_tokens": 1},
    }
    event = json.loads(tenant.post("stream_sample", json=body).text.removeprefix("data: "))
    assert "40000 tokens" in event["error"]
    assert event["category"] == "user"


def test_a_deleted_key_opens_nothing_any_more(served: ServedApp, tenant: Tenant) -> None:
    mine = owning(tenant)
    token = tenant.did("auth/token", {})["jwt"]
    assert tenant.delete("auth/apikey/me").status_code == 204
    refused = tenant.get("sessions")
    assert refused.status_code == 401
    assert "deleted" in refused.json()["message"]
    with Tenant(served.url, token) as by_token:
        assert by_token.get(f"sessions/{mine.session_id}").status_code == 401
