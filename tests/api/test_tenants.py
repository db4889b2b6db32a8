"""Every key is a world of its own: what is private to one does not exist for another, on any route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mock_server.domain.tenants import tenant_of
from tests.api.belongings import BASE_MODEL, Belongings, Tenant, acquire
from tests.api.endpoints import ENDPOINTS, Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.api.conftest import ServedApp


@pytest.fixture(scope="module")
def owner(served: ServedApp) -> Iterator[Tenant]:
    with Tenant(served.url) as owner:
        yield owner


@pytest.fixture(scope="module")
def theirs(owner: Tenant) -> Belongings:
    return acquire(owner)


@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if e.whose == "private"], ids=str)
def test_private_things_do_not_exist_for_a_stranger(endpoint: Endpoint, stranger: Tenant, theirs: Belongings) -> None:
    refused = endpoint.send(stranger, theirs)
    invented = Belongings(**{name: f"no-such:train:{len(name)}" for name in theirs.__dataclass_fields__})
    unknown = endpoint.send(stranger, invented)
    assert refused.status_code == unknown.status_code == 404
    assert refused.json()["error"] == unknown.json()["error"]


def test_nothing_of_it_all_has_changed_for_its_owner(stranger: Tenant, served: ServedApp) -> None:
    with Tenant(served.url) as owner:
        mine = acquire(owner)
        before = snapshot(owner, mine)
        for endpoint in ENDPOINTS:
            endpoint.send(stranger, mine)
        assert snapshot(owner, mine) == before


def snapshot(owner: Tenant, mine: Belongings) -> list[Any]:
    """All that its owner can see, without what looking at it changes."""
    paths = ("sessions", f"sessions/{mine.session_id}", "checkpoints", "training_runs", f"training_runs/{mine.run_id}")
    seen = [owner.get(path).json() for path in paths]
    outcome = owner.did("retrieve_future", {"request_id": mine.request_id})
    return [_without_times(each) for each in (*seen, outcome)]


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_times(inner) for name, inner in value.items() if name != "last_request_time"}
    return [_without_times(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if e.whose == "filtered"], ids=str)
def test_lists_hold_only_what_the_caller_may_see(endpoint: Endpoint, stranger: Tenant, theirs: Belongings) -> None:
    seen = endpoint.send(stranger, theirs)
    assert seen.status_code == 200
    assert theirs.name not in {item.get("checkpoint_id", "").partition("/")[2] for item in items(seen.json())}
    assert theirs.session_id not in seen.text.replace(theirs.run_id, "")


def items(listed: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = listed.get("checkpoints", []) + listed.get("training_runs", [])
    return found


@pytest.mark.parametrize("path", ["weights_info", "create_sampling_session", "load_weights", "new run"])
def test_a_published_checkpoint_can_be_used_by_everybody(path: str, stranger: Tenant, theirs: Belongings) -> None:
    mine = acquire(stranger)
    for checkpoint, status in ((theirs.published_path, 200), (theirs.path, 404), (theirs.sampler_path, 404)):
        body = {
            "weights_info": {"tinker_path": checkpoint},
            "create_sampling_session": {
                "session_id": mine.session_id,
                "sampling_session_seq_id": 9 if status == 200 else 10,
                "model_path": checkpoint,
            },
            "load_weights": {"model_id": mine.run_id, "path": checkpoint, "optimizer": True},
            "new run": {
                "session_id": mine.session_id,
                "model_seq_id": 9 if status == 200 else 10,
                "path": checkpoint,
                "optimizer": True,
            },
        }[path]
        answer = stranger.post(path.replace("new run", "load_weights"), json=body)
        if path == "load_weights":
            # Whether it may be read is found when its turn comes: the run is the caller's own.
            assert answer.status_code == 200
            result = stranger.result_of(answer)
            assert ("error" not in result) == (status == 200)
            assert status == 200 or "does not exist" in result["error"]
        else:
            assert answer.status_code == status, answer.text


def test_a_published_checkpoint_is_seen_by_everybody_and_alone(stranger: Tenant, theirs: Belongings) -> None:
    one = f"training_runs/{theirs.run_id}/checkpoints"
    assert [item["checkpoint_id"] for item in stranger.get(one).json()["checkpoints"]] == ["weights/published"]
    assert stranger.get(f"{one}/weights/published").json()["public"] is True
    assert stranger.get(f"{one}/weights/published/archive").status_code == 302
    assert stranger.get("checkpoints").json()["checkpoints"] == []


@pytest.mark.parametrize(
    ("method", "suffix"), [("DELETE", ""), ("POST", "/publish"), ("DELETE", "/publish"), ("PUT", "/ttl")]
)
def test_a_published_checkpoint_is_changed_by_its_owner_only(
    method: str, suffix: str, owner: Tenant, stranger: Tenant, theirs: Belongings
) -> None:
    path = f"training_runs/{theirs.run_id}/checkpoints/weights/published"
    refused = stranger.request(method, path + suffix, json={"ttl_seconds": 7200} if suffix == "/ttl" else None)
    assert refused.status_code == 403
    assert refused.json()["error"] == "forbidden"
    kept = owner.get(path).json()
    assert kept["public"] is True
    assert kept["expires_at"] is None


def test_two_tenants_may_use_the_same_numbers_and_names(tenant: Tenant, stranger: Tenant) -> None:
    for each in (tenant, stranger):
        acquire(each)
        assert each.get("checkpoints").json()["cursor"]["total_count"] == 4
        assert each.get("training_runs").json()["cursor"]["total_count"] == 1


@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if not e.path.startswith("downloads")], ids=str)
@pytest.mark.parametrize("key", [None, "", "sk-other", "tml-", "tml-a b", "tml-ü".encode(), "eyJhbGciOiJub25lIn0.e30."])
def test_without_a_key_there_is_nothing_but_health(
    endpoint: Endpoint, key: str | bytes | None, served: ServedApp, theirs: Belongings
) -> None:
    with Tenant(served.url) as nobody:
        del nobody.headers["X-API-Key"]
        answer = endpoint.send(nobody, theirs, headers={} if key is None else {"X-API-Key": key})
        if endpoint.path == "healthz":
            assert answer.status_code == 200
        else:
            assert answer.status_code == 401
            assert answer.json()["category"] == "user"


def test_a_key_and_the_token_exchanged_for_it_are_one_tenant(tenant: Tenant, served: ServedApp) -> None:
    mine = acquire(tenant)
    token = tenant.post("auth/token").json()["jwt"]
    with Tenant(served.url, token) as same:
        assert same.get(f"training_runs/{mine.run_id}").json()["base_model"] == BASE_MODEL
        assert same.get("sessions").json() == tenant.get("sessions").json()


def test_a_key_stands_in_no_answer(tenant: Tenant) -> None:
    mine = acquire(tenant)
    assert tenant.get("auth/apikey/me").json()["name"] == tenant_of(tenant.key)
    for endpoint in ENDPOINTS:
        if endpoint.path not in {"unload_model", "sessions/{session_id}/finish"}:
            assert tenant.key not in endpoint.send(tenant, mine).text
