"""Corruptions of what is stored, by rule and at once: numbers, rows and files themselves are others then."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest

from mock_server.app import create_app
from mock_server.domain.tenants import tenant_of
from mock_server.faults.names import newest_checkpoint
from mock_server.settings import Settings
from mock_server.toy_model import TrainingState
from tests.api.live_app import KEY, live_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.api.live_app import LiveApp

CORRUPTIONS = "/__admin/corruptions"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[LiveApp]:
    async with live_app(tmp_path, poll_seconds=5) as app:
        yield app


class Run:
    """A training run and a client that numbers its requests."""

    def __init__(self, app: LiveApp, run_id: str) -> None:
        self.app = app
        self.id = run_id
        self.seq_id = 0

    async def do(self, operation: str, **body: Any) -> dict[str, Any]:
        self.seq_id += 1
        return await self.app.result(operation, model_id=self.id, seq_id=self.seq_id, **body)

    async def loss(self, *, backward: bool = False) -> float:
        tokens = list(range(20, 30))
        datum = {
            "model_input": {"chunks": [{"type": "encoded_text", "tokens": tokens[:-1]}]},
            "loss_fn_inputs": {"target_tokens": {"data": tokens[1:], "dtype": "int64", "shape": [9]}},
        }
        given = {"data": [datum], "loss_fn": "cross_entropy"}
        if backward:
            told = await self.do("forward_backward", forward_backward_input=given)
        else:
            told = await self.do("forward", forward_input=given)
        return float(told["metrics"]["loss:sum"])

    async def step(self) -> dict[str, Any]:
        await self.loss(backward=True)
        return await self.do("optim_step", adam_params={"learning_rate": 1e-3})

    async def save(self, name: str, kind: str = "save_weights") -> str:
        told = await self.do(kind, path=name)
        assert "error" not in told, told
        return str(told["path"])

    @property
    def state(self) -> TrainingState:
        found = self.app.runtime._life.runs._workers[self.id].state
        assert found is not None
        return found


async def trained(app: LiveApp, steps: int = 2) -> Run:
    run = Run(app, await app.new_run())
    for _ in range(steps):
        await run.step()
    return run


async def corrupt(app: LiveApp, effect: Any, key: str = KEY) -> httpx.Response:
    return await app.client.post(CORRUPTIONS, json={"effect": effect, "api_key": key})


async def corrupted(app: LiveApp, effect: Any) -> None:
    answer = await corrupt(app, effect)
    assert answer.status_code == 200, answer.text
    assert answer.json()["effect"] == next(iter(effect if isinstance(effect, dict) else {effect: None}))


def files_in(folder: Path) -> set[str]:
    return {file.name for file in folder.rglob("*") if file.is_file()}


async def restarted(app: LiveApp, tmp_path: Path, run: Run) -> float:
    """The run's loss at a second server that starts from a copy of what the first has stored."""
    await app.runtime.settle()
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path, copy)
    other = create_app(Settings(data_dir=copy, durability="process"))
    transport = httpx.ASGITransport(other)
    async with (
        other.router.lifespan_context(other),
        httpx.AsyncClient(transport=transport, base_url="http://served.test") as client,
    ):
        twin = Run(type(app)(other, client), run.id)
        twin.seq_id = run.seq_id
        return await twin.loss()


async def test_a_run_is_flagged_and_takes_nothing_more(app: LiveApp) -> None:
    run = await trained(app)
    await run.save("kept")
    app.inject("flag_corrupted", "in_state", operation="optim_step", on=1)
    assert "error" not in await run.step()
    assert (await app.call("GET", f"training_runs/{run.id}")).json()["corrupted"] is True
    run.seq_id += 1
    refused = await app.call("POST", "optim_step", {"model_id": run.id, "seq_id": run.seq_id, "adam_params": {}})
    assert (refused.status_code, "is corrupted" in refused.json()["detail"]) == (400, True)
    await corrupted(app, {"flag_corrupted": {"run": run.id, "corrupted": False}})
    assert await run.loss() > 0


async def test_perturbed_weights_change_the_numbers_and_stay_changed(app: LiveApp, tmp_path: Path) -> None:
    run = await trained(app)
    before = await run.loss()
    await corrupted(app, {"perturb_weights": {"run": "$first", "scale": 0.1}})
    after = await run.loss()
    assert abs(after - before) > 0.01
    assert await restarted(app, tmp_path, run) == after


async def test_weights_are_perturbed_between_two_operations_that_a_client_sent_at_once(app: LiveApp) -> None:
    run, twin = await trained(app), await trained(app)
    app.inject({"perturb_weights": {"scale": 0.1}}, "in_state", operation="optim_step", run=run.id, when="before")
    for each in (run, twin):
        await each.loss(backward=True)
    steps = [await each.do("optim_step", adam_params={"learning_rate": 1e-3}) for each in (run, twin)]
    # The gradient was there already, so the step is as long as it was to be; it only begins elsewhere.
    assert steps[0]["metrics"]["grad_norm"] == steps[1]["metrics"]["grad_norm"]
    assert await run.loss() != await twin.loss()


async def test_lost_weights_fail_the_next_operation_and_mark_the_run(app: LiveApp) -> None:
    run = await trained(app)
    path = await run.save("kept")
    app.inject("lose_weights", "in_state", operation="forward", on=1)
    assert await run.loss() > 0
    told = await run.do("optim_step", adam_params={})
    assert "is corrupted" in told["error"]
    assert (await app.call("GET", f"training_runs/{run.id}")).json()["corrupted"] is True
    session = run.id.partition(":")[0]
    restored = await app.result("load_weights", session_id=session, model_seq_id=1, path=path, optimizer=True)
    assert restored["model_id"] == f"{session}:train:1"


async def test_a_gradient_that_counts_twice_is_twice_as_long(app: LiveApp) -> None:
    run, twin = await trained(app), await trained(app)
    app.inject("gradient_twice", "in_state", operation="forward_backward", run=run.id, on=1)
    norms = [(await each.step())["metrics"]["grad_norm"] for each in (run, twin)]
    assert norms[0] == pytest.approx(2 * norms[1])
    answer = await corrupt(app, {"gradient_twice": {"run": run.id}})
    assert (answer.status_code, "accumulated no gradient" in answer.json()["detail"]) == (400, True)


async def test_a_step_made_twice_counts_twice_and_goes_twice_as_far(app: LiveApp, tmp_path: Path) -> None:
    run, twin = await trained(app), await trained(app)
    start = run.state.parameters
    app.inject("step_twice", "in_state", operation="optim_step", run=run.id, on=1)
    for each in (run, twin):
        await each.step()
    assert (run.state.optimizer_steps, twin.state.optimizer_steps) == (4, 3)
    far, near = (np.linalg.norm(each.state.parameters - start) for each in (run, twin))
    assert 1.5 * near < far < 2.5 * near
    assert await restarted(app, tmp_path, run) == await run.loss()


async def test_only_a_step_that_the_log_knows_can_be_made_twice(app: LiveApp) -> None:
    run = await trained(app)
    await run.save("all")
    answer = await corrupt(app, {"step_twice": {"run": run.id}})
    assert (answer.status_code, "no step since its last snapshot" in answer.json()["detail"]) == (400, True)


async def test_a_restore_loses_the_moments(app: LiveApp) -> None:
    run = await trained(app, 3)
    path = await run.save("three")
    rule = app.inject("drop_moments", "in_state", operation="load_weights", on=1)
    restored = Run(app, await app.new_run())
    await restored.do("load_weights", path=path, optimizer=True)
    assert (rule.struck, rule.missed) == (1, 0)
    assert restored.state.optimizer_steps == 0
    assert not any(moment.any() for moment in restored.state.optimizer.moments.values())
    assert (restored.state.parameters == run.state.parameters).all()
    assert await restored.loss() == await run.loss()


@pytest.mark.parametrize(("saved_at", "back", "found"), [(None, 2, 2), (2, 1, 3), (2, 2, 2), (2, 3, 0), (4, 1, 0)])
async def test_a_run_goes_back_to_what_its_log_or_its_checkpoints_know(
    app: LiveApp, tmp_path: Path, saved_at: int | None, back: int, found: int
) -> None:
    run, twin = await trained(app, 0), await trained(app, found)
    for number in range(1, 5):
        await run.step()
        if number == saved_at:
            await run.save("then")
    await corrupted(app, {"rewind": {"run": run.id, "steps": back}})
    assert (run.state.parameters == twin.state.parameters).all() if found else run.state.optimizer_steps == 0
    assert run.state.optimizer_steps == found
    assert await run.loss() == await twin.loss()
    assert await restarted(app, tmp_path, run) == await run.loss()


async def test_a_lost_file_is_lost(app: LiveApp) -> None:
    run = await trained(app)
    path = await run.save("lost")
    await corrupted(app, {"lose_file": {"checkpoint": path}})
    place = f"training_runs/{run.id}/checkpoints/weights/lost"
    assert (await app.call("GET", place)).status_code == 200
    checkpoint = app.runtime.store.read_now(newest_checkpoint, tenant_of(KEY), run.id)
    assert checkpoint is not None
    assert not app.runtime.store.artifacts.path(checkpoint.artifact).exists()
    told = await run.do("load_weights", path=path, optimizer=True)
    assert told["category"] == "server"
    # The run's own snapshot was the same file.
    assert await run.loss() > 0


async def test_a_lost_row_is_lost_and_its_file_is_there(app: LiveApp, tmp_path: Path) -> None:
    run = await trained(app)
    path = await run.save("lost")
    files = files_in(tmp_path / "artifacts")
    app.inject({"lose_row": {"checkpoint": "$last"}}, "in_state", operation="list_user_checkpoints", when="before")
    listed = (await app.call("GET", "checkpoints")).json()
    assert (listed["checkpoints"], listed["cursor"]["total_count"]) == ([], 0)
    assert (await app.call("POST", "weights_info", {"tinker_path": path})).status_code == 404
    assert len(files_in(tmp_path / "artifacts") - files) == 1
    assert await run.loss() > 0


async def test_a_flipped_bit_is_noticed_or_changes_a_number(app: LiveApp) -> None:
    run = await trained(app)
    noticed, unnoticed = [await run.save(name) for name in ("noticed", "unnoticed")]
    true = run.state.parameters
    await corrupted(app, {"flip_bit": {"checkpoint": noticed}})
    await corrupted(app, {"flip_bit": {"checkpoint": "unnoticed", "noticed": False}})
    assert "are not those that were written" in (await run.do("load_weights", path=noticed, optimizer=True))["error"]
    assert "error" not in await run.do("load_weights", path=unnoticed, optimizer=True)
    (wrong,) = np.flatnonzero(run.state.parameters != true)
    assert run.state.parameters[wrong] / true[wrong] in {2.0, 0.5}


async def test_a_label_holds_the_next_step(app: LiveApp) -> None:
    run = await trained(app)
    app.inject({"relabel": {"checkpoint": "two"}}, "in_state", operation="optim_step", on=1)
    path = await run.save("two")
    at_two = await run.loss()
    await run.step()
    at_three = await run.loss()
    assert at_three != at_two
    other = Run(app, await app.new_run())
    await other.do("load_weights", path=path, optimizer=True)
    assert await other.loss() == at_three
    assert other.state.optimizer_steps == 3


async def test_a_checkpoints_time_is_over(app: LiveApp) -> None:
    run = await trained(app, 1)
    path = await run.save("short")
    app.inject("expire_checkpoint", "in_state", operation="weights_info", on=1)
    assert (await app.call("POST", "weights_info", {"tinker_path": path})).status_code == 200
    assert (await app.call("POST", "weights_info", {"tinker_path": path})).status_code == 404


async def test_a_corruption_without_anything_to_corrupt_is_told_of(app: LiveApp) -> None:
    rule = app.inject("perturb_weights", "in_state", operation="create_session")
    assert (await app.call("POST", "create_session", {"tags": []})).status_code == 200
    assert (rule.struck, rule.missed) == (1, 1)


@pytest.mark.parametrize(
    ("effect", "message"),
    [
        ("perturb_weights", "names no run, and the call is about none"),
        ({"perturb_weights": {"run": "$2"}}, "the tenant has no run $2"),
        ({"perturb_weights": {"run": "nobody:train:0"}}, "'nobody:train:0' does not exist"),
        ({"perturb_weights": {"scale": -1}}, "effect: perturb_weights.scale: Input should be greater than 0"),
        ({"lose_file": {"checkpoint": "tinker://x"}}, "the tenant has no checkpoint tinker://x"),
        ("lose_file", "the tenant has no checkpoint"),
        ("reset", "effect: reset strikes calls, not what is stored"),
        ("preturb_weights", "did you mean perturb_weights?"),
    ],
)
async def test_a_wrong_corruption_is_refused(app: LiveApp, effect: Any, message: str) -> None:
    await app.new_run()
    answer = await corrupt(app, effect)
    assert answer.status_code in {400, 404}, answer.text
    assert message in answer.json()["detail"]


async def test_a_strangers_run_is_out_of_reach(app: LiveApp) -> None:
    run = await trained(app, 1)
    before = await run.loss()
    answer = await corrupt(app, {"perturb_weights": {"run": run.id}}, "tml-stranger")
    assert answer.status_code == 404
    assert await run.loss() == before
