"""Numbers that are missing from a run's order: waited for as long as their clients may need, and no longer."""

from pathlib import Path
from typing import Any

import pytest

from mock_server.domain.operations import Body
from mock_server.runtime.ordered_queue import COMEBACK_SECONDS
from mock_server.store import StorageUnavailable
from tests.runtime.world import TENANT, World, crash_image, world


async def pending(here: World, request: str) -> bool:
    """Whether it is still not done after the server had time to do it."""
    operation = here.runtime.board.get(request)
    assert operation is not None
    await here.runtime._life.recorder.settle()
    await here.runtime._life.executor.run(lambda: None)
    return operation.outcome is None


@pytest.mark.parametrize("accepted", [True, False], ids=["chunk 2 was accepted", "chunk 2 was lost too"])
async def test_after_a_kill_the_first_chunk_of_a_batch_has_a_minute_to_come_again(
    tmp_path: Path, *, accepted: bool
) -> None:
    # The SDK posts chunk 2 before chunk 1, and after a lost connection each comes again at its own time.
    async with world(tmp_path / "live", clock="manual") as here:
        await here.open_session()
        run_id = await here.create_run()
        if accepted:
            await here.forward_backward(run_id, 2)
        image = crash_image(tmp_path / "live", tmp_path / "image")
    async with world(image, clock="manual") as again:
        second = await again.forward_backward(run_id, 2)
        await again.advance(COMEBACK_SECONDS - 1)
        assert await pending(again, second)
        first = await again.forward_backward(run_id, 1)
        assert (await again.outcome(first)).state == "succeeded"
        assert (await again.outcome(second)).state == "succeeded"


async def test_after_a_kill_a_gap_that_nobody_fills_is_given_up_in_the_end(tmp_path: Path) -> None:
    async with world(tmp_path / "live", clock="manual") as here:
        await here.open_session()
        run_id = await here.create_run()
        second = await here.forward_backward(run_id, 2)
        image = crash_image(tmp_path / "live", tmp_path / "image")
    async with world(image, clock="manual") as again:
        assert await pending(again, second)
        await again.advance(COMEBACK_SECONDS)
        assert (await again.outcome(second)).state == "succeeded"


async def test_a_run_that_no_kill_interrupted_waits_only_the_gap_time(tmp_path: Path) -> None:
    async with world(tmp_path, clock="manual", gap_seconds=5) as here:
        await here.open_session()
        run_id = await here.create_run()
        second = await here.forward_backward(run_id, 2)
        assert await pending(here, second)
        await here.advance(5)
        assert (await here.outcome(second)).state == "succeeded"


async def test_a_refused_request_leaves_no_gap_after_a_kill(tmp_path: Path) -> None:
    async with world(tmp_path / "live", clock="manual") as here:
        await here.open_session()
        run_id = await here.create_run()
        third = await here.forward_backward(run_id, 3)
        await here.runtime.refuse(TENANT, run_id, 2, Body.of("application/json", b"{}"), "no such loss")
        image = crash_image(tmp_path / "live", tmp_path / "image")
    async with world(image, clock="manual") as again:
        assert await pending(again, third)
        await again.forward_backward(run_id, 1)
        assert (await again.outcome(third)).state == "succeeded", "with no time passing"


async def test_a_request_that_a_full_disk_sent_away_has_a_minute_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, clock="manual") as here:
        await here.open_session()
        run_id = await here.create_run()
        second = await here.forward_backward(run_id, 2)

        async def full(*_: Any) -> None:
            raise StorageUnavailable("No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(here.runtime._intake, "write_down", full)
            with pytest.raises(StorageUnavailable):
                await here.forward_backward(run_id, 1)
        await here.advance(COMEBACK_SECONDS - 1)
        assert await pending(here, second)
        await here.forward_backward(run_id, 1)
        assert (await here.outcome(second)).state == "succeeded"
