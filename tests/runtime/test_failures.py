"""What fails, fails alone: it has an outcome, leaves no trace in the numbers, and the run goes on."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mock_server.domain import operations, samplers
from mock_server.domain.errors import Invalid
from mock_server.domain.operations import Body, Outcome
from mock_server.domain.orders import OptimStepOrder
from mock_server.domain.samplers import NewSampler
from mock_server.runtime import INTERFERENCE, Interference, training
from mock_server.runtime.board import LiveOperation
from mock_server.runtime.ordered_queue import COMEBACK_SECONDS
from mock_server.store import StorageUnavailable
from tests.runtime.world import MODEL, TENANT, TEXT, World, batch, crash_image, weights_of, world


@contextmanager
def bug_in_the_model(monkeypatch: pytest.MonkeyPatch, kind: str) -> Iterator[None]:
    """Operations of the kind do their work, and then raise."""
    real = training.apply

    def broken(state: Any, of: str, *more: Any, **options: Any) -> Any:
        result = real(state, of, *more, **options)
        if of == kind and options.get("want_result", True):
            raise RuntimeError("a bug of ours")
        return result

    with monkeypatch.context() as patch:
        patch.setattr(training, "apply", broken)
        yield


async def run_with_a_step(here: World) -> str:
    await here.open_session()
    run_id = await here.create_run()
    for request in await here.step(run_id, 1):
        await here.result(request)
    return run_id


async def undisturbed(directory: Path) -> bytes:
    """The weights of a run that made two steps, and of which nothing failed."""
    async with world(directory) as here:
        run_id = await run_with_a_step(here)
        for request in await here.step(run_id, 3):
            await here.result(request)
        return await weights_of(here, run_id, 5, "end")


@pytest.mark.parametrize("kind", ["forward_backward", "optim_step"])
async def test_a_bug_in_the_model_fails_its_operation_and_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    async with world(tmp_path / "live") as here:
        run_id = await run_with_a_step(here)
        with bug_in_the_model(monkeypatch, kind), caplog.at_level(logging.ERROR):
            request = (
                await here.forward_backward(run_id, 3, range(50, 70))
                if kind == "forward_backward"
                else await here.optim_step(run_id, 3)
            )
            outcome = await here.outcome(request)
        assert (outcome.state, outcome.error_category) == ("failed", "server")
        error_id = (outcome.error or "").removeprefix("internal error ").split(":")[0]
        assert any(error_id in record.message and record.exc_info for record in caplog.records)
        for step in await here.step(run_id, 4):
            await here.result(step)
        assert await weights_of(here, run_id, 6, "end") == await undisturbed(tmp_path / "undisturbed")


async def test_a_failure_that_was_told_stays_one_after_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path / "live") as here:
        run_id = await run_with_a_step(here)
        with bug_in_the_model(monkeypatch, "forward_backward"):
            request = await here.forward_backward(run_id, 3, range(50, 70))
            told = await here.outcome(request)
            image = crash_image(tmp_path / "live", tmp_path / "image")
    async with world(image) as again:
        assert await again.outcome(request) == told, "though the bug is gone"
        for step in await again.step(run_id, 4):
            await again.result(step)
        assert await weights_of(again, run_id, 6, "end") == await undisturbed(tmp_path / "undisturbed")


async def test_a_load_that_failed_stays_failed_though_its_checkpoint_came_to_be(tmp_path: Path) -> None:
    async with world(tmp_path / "live") as here:
        run_id = await run_with_a_step(here)
        other = await here.create_run(1)
        request = await here.load(run_id, 3, f"tinker://{other}/weights/later")
        told = await here.outcome(request)
        assert told.error_category == "user"
        await here.result(await here.save(other, 1, "later"))
        image = crash_image(tmp_path / "live", tmp_path / "image")
    async with world(image) as again:
        assert await again.outcome(request) == told


async def test_bad_input_fails_its_operation_and_leaves_no_trace(tmp_path: Path) -> None:
    async with world(tmp_path / "live") as here:
        run_id = await run_with_a_step(here)
        content = json.loads(batch(run_id, 3, TEXT))
        good = content["forward_backward_input"]["data"][0]
        bad = json.loads(json.dumps(good))
        bad["loss_fn_inputs"]["target_tokens"]["data"][3] = 10**9
        content["forward_backward_input"]["data"] = [good, bad]
        body = Body.of("application/json", json.dumps(content).encode())
        outcome = await here.outcome(await here.runtime.submit(TENANT, run_id, "forward_backward", 3, body))
        assert (outcome.state, outcome.error_category) == ("failed", "user")
        assert "1000000000" in (outcome.error or "")
        for step in await here.step(run_id, 4):
            await here.result(step)
        assert await weights_of(here, run_id, 6, "end") == await undisturbed(tmp_path / "undisturbed")


async def test_an_optimizer_step_with_impossible_parameters_leaves_the_gradients(tmp_path: Path) -> None:
    async with world(tmp_path / "live") as here:
        run_id = await run_with_a_step(here)
        await here.result(await here.forward_backward(run_id, 3))
        order = OptimStepOrder(parameters={"learning_rate": 1e-3, "beta1": 2.0})
        outcome = await here.outcome(await here.submit(run_id, "optim_step", 4, order))
        assert (outcome.state, outcome.error_category) == ("failed", "user")
        await here.result(await here.optim_step(run_id, 5))
        assert await weights_of(here, run_id, 6, "end") == await undisturbed(tmp_path / "undisturbed")


async def test_a_long_result_that_finds_no_room_is_told_and_kept_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mock_server.runtime.results.INLINE_BYTES", 10)
    async with world(tmp_path) as here:
        run_id = await run_with_a_step(here)

        def full(_: bytes) -> None:
            raise StorageUnavailable("No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(here.runtime.store.artifacts, "write", full)
            request = await here.forward_backward(run_id, 3)
            result = await here.result(request)
        await here.runtime._life.recorder.settle()
    async with world(tmp_path) as again:
        assert await again.result(request) == result


async def test_a_save_that_finds_no_room_says_so_and_works_when_there_is_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path) as here:
        run_id = await run_with_a_step(here)

        def full(_: bytes) -> None:
            raise StorageUnavailable("could not write 3 bytes: No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(here.runtime.store.artifacts, "write", full)
            outcome = await here.outcome(await here.save(run_id, 3, "state"))
        assert (outcome.state, outcome.error_category) == ("failed", "server")
        assert "No space left on device" in (outcome.error or "")
        await here.result(await here.save(run_id, 4, "state"))


@pytest.mark.parametrize("kind", ["optim_step", "sample"])
async def test_nobody_interferes_with_an_operation_whose_end_finds_no_room_and_it_is_told_as_it_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    interferers = []

    async def spoil(operation: LiveOperation, outcome: Outcome) -> Outcome:
        interferers.append(operation.id)
        return Outcome(outcome.id, "failed", error="spoilt", error_category="server")

    async def full(*_: object) -> None:
        raise StorageUnavailable("No space left on device")

    async with world(tmp_path) as here:
        run_id = await run_with_a_step(here)
        sampler = await here.save_for_sampler(run_id, 3, 0)
        interference = INTERFERENCE.set(Interference(after=(spoil,)))
        asked = here.optim_step(run_id, 4) if kind == "optim_step" else here.sample(sampler, 0, max_tokens=2)
        request = await asked
        INTERFERENCE.reset(interference)
        with monkeypatch.context() as patch:
            patch.setattr(here.runtime.store, "write", full)
            result = await here.result(request)
        assert interferers == []
        assert f"nobody interferes with operation {request}: No space left on device" in caplog.text
        await here.runtime.settle()
        assert here.runtime.store.read_now(operations.found, TENANT, request).state == "succeeded"
        assert await here.result(request) == result


async def test_a_snapshot_that_fails_is_taken_later_and_nobody_notices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, snapshot_steps=1) as here:
        run_id = await run_with_a_step(here)

        def broken(*_: object, **__: object) -> None:
            raise RuntimeError("a bug of ours")

        with monkeypatch.context() as patch:
            patch.setattr("mock_server.toy_model.TrainingState.dump", broken)
            for request in await here.step(run_id, 3):
                await here.result(request)
            for request in await here.step(run_id, 5):
                await here.result(request)
        for request in await here.step(run_id, 7):
            await here.result(request)


async def test_a_damaged_sample_request_fails_alone_when_the_server_starts_again(tmp_path: Path) -> None:
    async with world(tmp_path / "live", inline_bytes=10) as here:
        session = await here.open_session()
        sampler = await here.runtime.store.write(samplers.create, TENANT, NewSampler(session, 0, MODEL))
        requests = [await here.sample(sampler.id, number, max_tokens=200 + number) for number in range(2)]
        image = crash_image(tmp_path / "live", tmp_path / "image")
        files = {path.name: path.read_bytes() for path in (image / "artifacts").glob("??/*")}
    broken = next(path for path in (image / "artifacts").glob("??/*") if b'"max_tokens":200' in files[path.name])
    broken.write_bytes(b"damaged")
    async with world(image) as again:
        outcome = await again.outcome(requests[0])
        assert (outcome.state, outcome.error_category) == ("failed", "server")
        assert "damaged" in (outcome.error or "")
        await again.result(requests[1])


async def test_a_damaged_snapshot_corrupts_the_run_that_needs_it_and_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with world(tmp_path) as here:
        run_id = await run_with_a_step(here)
        await weights_of(here, run_id, 3, "state")
    for file in (tmp_path / "artifacts").glob("??/*"):
        file.write_bytes(b"damaged")
    async with world(tmp_path) as again:
        outcome = await again.outcome(await again.forward_backward(run_id, 4))
        assert (outcome.state, outcome.error_category) == ("failed", "user")
        assert f"{run_id!r} is corrupted: restore a new run from its last checkpoint" in (outcome.error or "")
        assert "damaged" in caplog.text
        with pytest.raises(Invalid, match="is corrupted"):
            await again.forward_backward(run_id, 5)
        await again.open_session()
        await again.create_run()


async def test_a_gap_that_can_not_be_written_down_keeps_the_run_waiting_not_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, clock="manual") as here:
        run_id = await run_with_a_step(here)
        real, tries = operations.skip_to, []

        def full(*arguments: Any) -> None:
            tries.append(arguments)
            if len(tries) < 3:
                raise StorageUnavailable("No space left on device")
            real(*arguments)

        monkeypatch.setattr(operations, "skip_to", full)
        request = await here.optim_step(run_id, 4)
        await here.advance(5)
        await here.advance(COMEBACK_SECONDS - 1)
        assert len(tries) == 2, "in a group of writes, and apart"
        await here.advance(1)
        await here.result(request)
        assert len(tries) == 3
