"""Clients repeat what they were not answered: nothing runs twice, nothing is lost, and nothing else passes as it."""

from dataclasses import replace
from pathlib import Path

import pytest

from mock_server.domain import resumption, training_runs
from mock_server.domain.errors import Conflict
from mock_server.domain.orders import LoadOrder, OptimStepOrder, SaveOrder
from mock_server.runtime import Runtime
from mock_server.store import StorageUnavailable
from tests.runtime.world import MODEL, TENANT, World, weights_of, world


async def run_with(here: World, steps: int) -> str:
    await here.open_session()
    run_id = await here.create_run()
    for step in range(steps):
        for request in await here.step(run_id, 2 * step + 1):
            await here.result(request)
    return run_id


async def test_a_repeat_is_known_by_its_seq_id_and_content_and_runs_once(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        run_id = await run_with(here, 0)
        first = await here.step(run_id, 1)
        assert await here.step(run_id, 1) == first, "while it is under way"
        results = [await here.result(request) for request in first]
        assert await here.step(run_id, 1) == first, "when it has ended"
        assert [await here.result(request) for request in first] == results
        await here.result(await here.save(run_id, 3, "end"))
        assert (await here.runtime.store.read(training_runs.owned, TENANT, run_id)).optimizer_steps == 1


async def test_another_request_under_the_same_seq_id_is_refused_and_the_run_unharmed(tmp_path: Path) -> None:
    async with world(tmp_path / "a") as here:
        run_id = await run_with(here, 1)
        undisturbed = await weights_of(here, run_id, 3, "end")
    async with world(tmp_path / "b") as here:
        run_id = await run_with(here, 1)
        with pytest.raises(Conflict, match="seq_id 1"):
            await here.forward_backward(run_id, 1, tokens=range(50, 60))
        assert await weights_of(here, run_id, 3, "end") == undisturbed


async def test_a_repeat_of_a_long_request_leaves_no_second_file(tmp_path: Path) -> None:
    async with world(tmp_path, inline_bytes=10) as here:
        run_id = await run_with(here, 0)
        first = await here.forward_backward(run_id, 1)
        files = set(here.runtime.store.artifacts.folder.glob("??/*"))
        assert await here.forward_backward(run_id, 1) == first
        with pytest.raises(Conflict):
            await here.forward_backward(run_id, 1, tokens=range(50, 60))
        assert set(here.runtime.store.artifacts.folder.glob("??/*")) == files


async def test_a_repeated_save_that_counts_its_sampler_on_is_the_same_save(tmp_path: Path) -> None:
    # The SDK draws a new sampling_session_seq_id for each attempt to send the same save_weights_for_sampler.
    async with world(tmp_path) as here:
        run_id = await run_with(here, 1)
        kind = "save_weights_for_sampler"
        first = await here.submit(run_id, kind, 3, SaveOrder(sampler_number=0))
        assert await here.submit(run_id, kind, 3, SaveOrder(sampler_number=1)) == first
        assert (await here.answer(first))["sampling_session_id"].endswith(":sample:0")
        with pytest.raises(Conflict):
            await here.submit(run_id, kind, 3, SaveOrder(name="other"))


async def test_a_repeated_creation_is_the_same_run(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.open_session()
        run_id = await here.create_run()
        assert await here.create_run() == run_id


async def test_a_creation_that_failed_may_be_tried_again_and_work_then(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        source = await run_with(here, 2)
        path = (await here.answer(await here.save(source, 5, "state")))["path"]
        order = LoadOrder(path=path, optimizer=True)
        broken = here.runtime.store.artifacts.path(
            (await here.runtime.store.read(training_runs.owned, TENANT, source)).snapshot or ""
        )
        content = broken.read_bytes()
        broken.write_bytes(b"damaged")
        run_id, request = await here.runtime.load_new_run(TENANT, here.session, 1, order, MODEL, {})
        assert (await here.outcome(request)).state == "failed"

        broken.write_bytes(content)
        assert await here.runtime.load_new_run(TENANT, here.session, 1, order, MODEL, {}) == (run_id, request)
        assert (await here.answer(request))["model_id"] == run_id
        assert await weights_of(here, run_id, 1, "copy") == await weights_of(here, source, 6, "copy")


async def test_a_creation_that_failed_may_become_a_run_of_another_model(tmp_path: Path) -> None:
    other = "meta-llama/Llama-3.1-8B"
    async with world(tmp_path) as here:
        await here.open_session()
        new, order = here.new_run()
        store = here.runtime.store
        real = store.write

        async def failing(rule: object, *arguments: object) -> object:
            if getattr(rule, "__name__", "") == "created":
                raise StorageUnavailable("No space left on device")
            return await real(rule, *arguments)  # type: ignore[arg-type]

        store.write = failing  # type: ignore[assignment]
        run_id, request = await here.runtime.create_run(TENANT, new, order, "create_model")
        assert "No space left" in ((await here.outcome(request)).error or "")
        store.write = real  # type: ignore[method-assign]

        second = replace(new, base_model=other), order.model_copy(update={"base_model": other})
        assert await here.runtime.create_run(TENANT, *second, "create_model") == (run_id, request)
        await here.result(request)
        for step in await here.step(run_id, 1):
            await here.result(step)
        assert here.runtime._life.runs._workers[run_id].base_model == other


async def test_a_request_that_was_stored_but_never_queued_runs_when_it_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The disk filled up between the two: the client was told 503, and comes again.
    async with world(tmp_path) as here:
        run_id = await run_with(here, 0)

        async def full(*_: object) -> None:
            raise StorageUnavailable("No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(Runtime, "_take_up", full)
            with pytest.raises(StorageUnavailable):
                await here.forward_backward(run_id, 1)
        for request in await here.step(run_id, 1):
            await here.result(request)
        run = await here.runtime.store.read(resumption.last_position, run_id)
        assert run is not None


async def test_an_optimizer_step_of_other_parameters_is_another_request(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        run_id = await run_with(here, 0)
        await here.submit(run_id, "optim_step", 1, OptimStepOrder(parameters={"learning_rate": 1e-3}))
        with pytest.raises(Conflict):
            await here.submit(run_id, "optim_step", 1, OptimStepOrder(parameters={"learning_rate": 1e-4}))
