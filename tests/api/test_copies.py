"""copy_weights: another path and owner, the same weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.api.live_app import KEY, LiveApp, live_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

STRANGER = "tml-stranger"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LiveApp]:
    async with live_app(tmp_path) as app:
        yield app


@pytest.fixture
async def source(server: LiveApp) -> str:
    return await server.save(await server.new_run(), "ck1", 1, user_metadata={"step": "7"})


async def listed(server: LiveApp, key: str = KEY) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await server.call("GET", "checkpoints", key=key)).json()["checkpoints"]
    return found


async def copied(server: LiveApp, source: str, key: str = KEY, repetition: str | None = None, **more: Any) -> str:
    headers = {} if repetition is None else {"X-Idempotency-Key": repetition}
    body = {"source_path": source} | (more or {"destination_project_id": "proj-1"})
    answer = await server.call("POST", "copy_weights", body, key, headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["tinker_path"])


async def test_a_copy_keeps_kind_and_name_and_outlives_its_source(server: LiveApp, source: str) -> None:
    path = await copied(server, source)
    run, kind, name = path.removeprefix("tinker://").split("/")
    assert (kind, name) == ("weights", "ck1")
    assert path != source
    old, kind, name = source.removeprefix("tinker://").split("/")
    assert (await server.call("DELETE", f"training_runs/{old}/checkpoints/{kind}/{name}")).status_code == 204
    (left,) = await listed(server)
    assert left["tinker_path"] == path
    assert left["user_metadata"] == {"step": "7"}
    assert left["size_bytes"] > 0
    session = run.rpartition(":train:")[0]
    loaded = await server.result(
        "load_weights", session_id=session, model_seq_id=1, path=path, optimizer=True, type="load_weights"
    )
    assert "error" not in loaded, loaded


async def test_the_run_of_a_copy_says_what_it_holds_and_can_not_be_trained(server: LiveApp, source: str) -> None:
    run = (await copied(server, source)).split("/")[2]
    described = (await server.call("GET", f"training_runs/{run}")).json()
    assert described["base_model"] == "Qwen/Qwen3-8B"
    assert described["last_checkpoint"]["checkpoint_id"] == "weights/ck1"
    in_project = (await server.call("GET", "training_runs?project_id=proj-1")).json()["training_runs"]
    assert [each["training_run_id"] for each in in_project] == [run]
    step = await server.call("POST", "optim_step", {"model_id": run, "seq_id": 1, "adam_params": {}})
    assert step.status_code == 400


async def test_a_repetition_by_its_key_is_the_same_copy(server: LiveApp, source: str) -> None:
    first = await copied(server, source, repetition="one")
    assert await copied(server, source, repetition="one") == first
    assert await copied(server, source, repetition="two") != first
    assert await copied(server, source) not in {first, await copied(server, source)}
    assert len(await listed(server)) == 5


async def test_a_slot_of_a_session_takes_one_copy(server: LiveApp, source: str) -> None:
    session = (await server.ask("create_session", tags=[], sdk_version="0.38.0"))["session_id"]
    path = await copied(server, source, session_id=session, model_seq_id=3)
    assert path == f"tinker://{session}:train:3/weights/ck1"
    assert await copied(server, source, session_id=session, model_seq_id=3) == path
    taken = source.split("/")[2].rpartition(":train:")[0]
    answer = await server.call("POST", "copy_weights", {"source_path": source, "session_id": taken, "model_seq_id": 0})
    assert answer.status_code == 400
    assert "already names a training run" in answer.json()["detail"]


async def test_only_what_one_may_read_can_be_copied_and_the_copy_is_ones_own(server: LiveApp, source: str) -> None:
    body = {"source_path": source, "destination_project_id": "mine"}
    assert (await server.call("POST", "copy_weights", body, STRANGER)).status_code == 404
    run, kind, name = source.removeprefix("tinker://").split("/")
    await server.call("POST", f"training_runs/{run}/checkpoints/{kind}/{name}/publish")
    path = await copied(server, source, STRANGER)
    (copy,) = await listed(server, STRANGER)
    assert copy["tinker_path"] == path
    assert copy["public"] is False
    assert len(await listed(server)) == 1


async def test_a_copy_expires_by_its_own_time_to_live(server: LiveApp, source: str) -> None:
    path = await copied(server, source, destination_project_id="p", ttl_seconds=7200)
    (copy,) = (each for each in await listed(server) if each["tinker_path"] == path)
    assert copy["expires_at"] is not None
    short = {"source_path": source, "destination_project_id": "p", "ttl_seconds": 5}
    assert "ttl_seconds is 5" in (await server.call("POST", "copy_weights", short)).json()["detail"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"destination_project_id": "p", "source_path": "tinker://a/b"}, "source_path is 'tinker://a/b'"),
        ({"source_path": "tinker://a/weights/c"}, "no destination"),
        ({"source_path": "tinker://a/weights/c", "destination_project_id": "p"}, "does not exist"),
    ],
)
async def test_what_is_wrong_is_said(server: LiveApp, body: dict[str, Any], said: str) -> None:
    answer = await server.call("POST", "copy_weights", body)
    assert answer.status_code in {400, 404}
    assert said in answer.json()["detail"]
