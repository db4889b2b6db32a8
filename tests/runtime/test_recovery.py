"""A killed server takes up where it was: every accepted operation comes to its end once, with the same numbers."""

from pathlib import Path

import pytest

from mock_server.domain import checkpoints, samplers, training_runs
from mock_server.domain.paths import CheckpointPath
from mock_server.domain.samplers import NewSampler
from tests.runtime.world import MODEL, TENANT, crash_image, weights_of, world

STEPS = 6


@pytest.mark.parametrize("snapshot_steps", [1, 2, 100])
async def test_a_server_killed_anywhere_gives_the_numbers_of_an_undisturbed_one(
    tmp_path: Path, snapshot_steps: int
) -> None:
    images, acknowledged = [], []
    async with world(tmp_path / "live", snapshot_steps=snapshot_steps) as here:
        await here.open_session()
        run_id = await here.create_run()
        requests: list[str] = []
        for step in range(STEPS):
            requests += await here.step(run_id, 2 * step + 1)
            if step % 2:  # at some places everything is computed, at others nothing is
                await here.result(requests[-1])
            images.append(crash_image(tmp_path / "live", tmp_path / f"image-{step}"))
            acknowledged.append(len(requests))
        results = [await here.result(request) for request in requests]
        undisturbed = await weights_of(here, run_id, 2 * STEPS + 1, "end")
    for image, known in zip(images, acknowledged, strict=True):
        async with world(image, snapshot_steps=snapshot_steps) as again:
            assert [await again.result(request) for request in requests[:known]] == results[:known]
            for step in range(known // 2, STEPS):
                for request in await again.step(run_id, 2 * step + 1):
                    assert request in requests, "an operation keeps its id"
                    await again.result(request)
            assert await weights_of(again, run_id, 2 * STEPS + 1, "end") == undisturbed


async def test_gradients_collected_before_a_kill_are_there_after_it(tmp_path: Path) -> None:
    async with world(tmp_path / "live", snapshot_steps=1) as here:
        await here.open_session()
        run_id = await here.create_run()
        for request in await here.step(run_id, 1):
            await here.result(request)
        await here.result(await here.forward_backward(run_id, 3))
        image = crash_image(tmp_path / "live", tmp_path / "image")
        await here.result(await here.optim_step(run_id, 4))
        undisturbed = await weights_of(here, run_id, 5, "end")
    async with world(image) as again:
        await again.result(await again.optim_step(run_id, 4))
        assert await weights_of(again, run_id, 5, "end") == undisturbed


async def test_a_repeated_submission_after_a_restart_is_not_executed_again(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.open_session()
        run_id = await here.create_run()
        first = await here.step(run_id, 1)
        results = [await here.result(request) for request in first]
    async with world(tmp_path) as again:
        assert await again.step(run_id, 1) == first
        assert [await again.result(request) for request in first] == results
        run = await again.runtime.store.read(training_runs.owned, TENANT, run_id)
        assert run.optimizer_steps == 1


async def test_a_loaded_checkpoint_may_be_deleted_without_harm_to_the_run(tmp_path: Path) -> None:

    async with world(tmp_path / "live") as here:
        await here.open_session()
        run_id = await here.create_run()
        for request in await here.step(run_id, 1):
            await here.result(request)
        path = (await here.answer(await here.save(run_id, 3, "kept")))["path"]
        await here.result(await here.load(run_id, 4, path))
        await here.runtime.store.write(checkpoints.delete, TENANT, CheckpointPath.parse(path))
        image = crash_image(tmp_path / "live", tmp_path / "image")
        for request in await here.step(run_id, 5):
            await here.result(request)
        undisturbed = await weights_of(here, run_id, 7, "end")
    async with world(image) as again:
        for request in await again.step(run_id, 5):
            await again.result(request)
        assert await weights_of(again, run_id, 7, "end") == undisturbed


async def test_an_accepted_sample_is_answered_after_a_kill_with_the_same_tokens(tmp_path: Path) -> None:
    async with world(tmp_path / "live") as here:
        session = await here.open_session()
        sampler = await here.runtime.store.write(samplers.create, TENANT, NewSampler(session, 0, MODEL))
        request = await here.sample(sampler.id, 0, max_tokens=20)
        image = crash_image(tmp_path / "live", tmp_path / "image")
        tokens = await here.result(request)
    async with world(image) as again:
        assert await again.result(request) == tokens


async def test_a_gap_that_was_given_up_before_a_kill_is_given_up_after_it(tmp_path: Path) -> None:
    async with world(tmp_path / "live", clock="manual") as here:
        await here.open_session()
        run_id = await here.create_run()
        request = await here.optim_step(run_id, 2)
        await here.advance(5)
        result = await here.result(request)
        image = crash_image(tmp_path / "live", tmp_path / "image")
    async with world(image, gap_seconds=1000) as again:
        assert await again.result(request) == result
        late = await again.outcome(await again.forward_backward(run_id, 1))
        assert late.state == "failed"
        assert "arrived after" in (late.error or "")


async def test_runs_beyond_the_memory_for_states_come_back_from_their_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mock_server.runtime.run_registry.KEPT_RUNS", 1)
    async with world(tmp_path) as here:
        await here.open_session()
        runs = [await here.create_run(number) for number in range(3)]
        for seq_id in (1, 3, 5):
            for run_id in runs:
                for request in await here.step(run_id, seq_id):
                    await here.result(request)
        states = [await weights_of(here, run_id, 7, "end") for run_id in runs]
        assert len(here.runtime._life.runs) == 1
    assert states[0] == states[1] == states[2], "the same seed and the same steps give the same numbers"
