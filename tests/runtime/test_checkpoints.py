"""Saving, loading and unloading, as operations of a run."""

from pathlib import Path
from typing import Any

import pytest

from mock_server.domain import checkpoints
from mock_server.domain.checkpoints import NAME_TAKEN
from mock_server.domain.errors import Invalid
from mock_server.domain.orders import LoadOrder, OptimStepOrder, UnloadOrder
from mock_server.domain.paths import CheckpointPath
from tests.runtime.world import MODEL, TENANT, World, weights_of, world


async def run_with(here: World, steps: int, rank: int = 4, number: int = 0) -> str:
    if not here.session:
        await here.open_session()
    run_id = await here.create_run(number, rank)
    for step in range(steps):
        for request in await here.step(run_id, 2 * step + 1):
            await here.result(request)
    return run_id


async def test_a_name_that_is_taken_fails_the_save_and_keeps_the_first(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        run_id = await run_with(here, 1)
        path = (await here.answer(await here.save(run_id, 3, "state")))["path"]
        first = await here.runtime.store.read(checkpoints.readable, TENANT, CheckpointPath.parse(path))
        await here.result(await here.optim_step(run_id, 4))
        outcome = await here.outcome(await here.save(run_id, 5, "state"))
        assert (outcome.state, outcome.error, outcome.error_category) == ("failed", NAME_TAKEN, "user")
        kept = await here.runtime.store.read(checkpoints.readable, TENANT, CheckpointPath.parse(path))
        assert kept.artifact == first.artifact
        await here.result(await here.save(run_id, 6, "other"))


async def test_the_same_save_again_is_no_conflict_with_itself(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        run_id = await run_with(here, 1)
        request = await here.save(run_id, 3, "state")
        answer = await here.answer(request)
        assert await here.save(run_id, 3, "state") == request
        assert await here.answer(request) == answer
    async with world(tmp_path) as again:
        assert await again.save(run_id, 3, "state") == request
        assert await again.answer(request) == answer


async def test_overwrite_replaces_the_checkpoint_and_lets_its_file_go(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        run_id = await run_with(here, 1)
        path = CheckpointPath.parse((await here.answer(await here.save(run_id, 3, "state")))["path"])
        first = (await here.runtime.store.read(checkpoints.readable, TENANT, path)).artifact
        for request in await here.step(run_id, 4):
            await here.result(request)
        await here.result(await here.save(run_id, 6, "state", overwrite=True))
        assert (await here.runtime.store.read(checkpoints.readable, TENANT, path)).artifact != first
        assert not here.runtime.store.artifacts.path(first).exists()


async def test_a_checkpoint_of_another_shape_does_not_load_and_the_run_goes_on(tmp_path: Path) -> None:
    async with world(tmp_path / "a") as here:
        small = await run_with(here, 1, rank=4, number=0)
        path = (await here.answer(await here.save(small, 3, "small")))["path"]
        large = await run_with(here, 1, rank=8, number=1)
        outcome = await here.outcome(await here.load(large, 3, path))
        assert (outcome.state, outcome.error_category) == ("failed", "user")
        assert "rank 4" in (outcome.error or "")
        assert "8" in (outcome.error or "")
        for request in await here.step(large, 4):
            await here.result(request)
        state = await weights_of(here, large, 6, "end")
    async with world(tmp_path / "b") as here:
        undisturbed = await run_with(here, 2, rank=8, number=1)
        assert await weights_of(here, undisturbed, 5, "end") == state


async def test_a_load_that_fails_leaves_a_run_that_exists_as_it_is(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        run_id = await run_with(here, 1)
        outcome = await here.outcome(await here.load(run_id, 3, f"tinker://{run_id}/weights/none"))
        assert outcome.error_category == "user"
        await here.result(await here.forward_backward(run_id, 4))


async def test_loading_without_the_optimizer_forgets_its_moments(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        source = await run_with(here, 3)
        path = (await here.answer(await here.save(source, 7, "state")))["path"]
        states = []
        for number, optimizer in enumerate((True, False)):
            order = LoadOrder(path=path, optimizer=optimizer)
            run_id, request = await here.runtime.load_new_run(TENANT, here.session, number + 1, order, MODEL, {})
            await here.result(request)
            for step in await here.step(run_id, 1):
                await here.result(step)
            states.append(await weights_of(here, run_id, 3, "end"))
        for step in await here.step(source, 8):
            await here.result(step)
        assert states[0] == await weights_of(here, source, 10, "end")
        assert states[1] != states[0]


async def test_a_new_optimizer_under_loaded_weights_outlives_the_server(tmp_path: Path) -> None:
    dimuon: dict[str, Any] = {"type": "dimuon"}
    step = OptimStepOrder(optimizer="dimuon", parameters={"learning_rate": 0.1, "grad_clip_norm": 0.0, "beta1": 0.9})
    async with world(tmp_path) as here:
        path = (await here.answer(await here.save(await run_with(here, 1), 3, "state")))["path"]
        order = LoadOrder(path=path, optimizer=False, optimizer_config=dimuon)
        run_id, request = await here.runtime.load_new_run(TENANT, here.session, 1, order, MODEL, {})
        await here.result(request)
        await here.result(await here.forward_backward(run_id, 1))
        await here.result(await here.submit(run_id, "optim_step", 2, step))
        trained = await weights_of(here, run_id, 3, "trained")
    async with world(tmp_path) as again:
        assert await weights_of(again, run_id, 4, "again") == trained
        await again.result(await again.submit(run_id, "optim_step", 5, step))


async def test_an_unloaded_run_takes_nothing_more_and_leaves_no_files_but_its_checkpoints(tmp_path: Path) -> None:
    async with world(tmp_path, inline_bytes=10) as here:
        run_id = await run_with(here, 2)
        path = CheckpointPath.parse((await here.answer(await here.save(run_id, 5, "state")))["path"])
        for request in await here.step(run_id, 6):
            await here.result(request)
        request = await here.runtime.submit(TENANT, run_id, "unload_model", None, UnloadOrder().to_body())
        await here.result(request)
        with pytest.raises(Invalid, match="was unloaded"):
            await here.forward_backward(run_id, 8)
        await here.runtime._life.recorder.settle()
        artifact = (await here.runtime.store.read(checkpoints.readable, TENANT, path)).artifact
        assert {file.name for file in (tmp_path / "artifacts").glob("??/*")} == {artifact}
