"""What a client sees that asks for a result: the dials, the tenants, the restarts."""

import asyncio
from pathlib import Path

import pytest

from mock_server.domain.errors import Gone, NotFound
from mock_server.runtime import Pending
from tests.runtime.world import TENANT, until, world


async def test_dials_decide_when_a_result_is_seen_and_never_what_it_is(tmp_path: Path) -> None:
    dials = {"forward_backward": "after:10/paused_capacity/no GPU is free", "optim_step": "polls:2"}
    async with world(tmp_path / "dialled", clock="manual", dials=dials) as here:
        await here.open_session()
        run_id = await here.create_run()
        backward, step = await here.step(run_id, 1)
        live = [here.runtime.board.get(request) for request in (backward, step)]
        await until(lambda: all(operation is not None and operation.outcome is not None for operation in live))
        waiting = asyncio.create_task(here.runtime.poll(TENANT, backward, 4))
        await asyncio.sleep(0)
        await here.advance(4)
        assert await waiting == Pending("paused_capacity", "no GPU is free")
        await here.advance(6)
        results = [await here.result(backward)]
        assert [await here.runtime.poll(TENANT, step, 0) for _ in range(2)] == [Pending(), Pending()]
        results.append(await here.result(step))
    async with world(tmp_path / "plain") as here:
        await here.open_session()
        assert [await here.result(request) for request in await here.step(await here.create_run(), 1)] == results


async def test_an_operation_that_never_shows_holds_up_nothing_behind_it(tmp_path: Path) -> None:
    async with world(tmp_path, dials={"forward_backward": "never"}) as here:
        await here.open_session()
        run_id = await here.create_run()
        backward, step = await here.step(run_id, 1)
        await here.result(step)
        assert await here.runtime.poll(TENANT, backward, 0.01) == Pending()


async def test_results_belong_to_their_tenant_also_when_they_have_left_the_memory(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.open_session()
        request = (await here.step(await here.create_run(), 1))[0]
        await here.result(request)
        with pytest.raises(NotFound):
            await here.outcome(request, "another tenant")
    async with world(tmp_path) as again:
        await again.result(request)
        with pytest.raises(NotFound):
            await again.outcome(request, "another tenant")


async def test_a_result_nobody_fetched_expires_and_is_gone_for_good(tmp_path: Path) -> None:
    async with world(tmp_path, clock="manual", result_ttl_seconds=100, inline_bytes=10) as here:
        await here.open_session()
        run_id = await here.create_run()
        first = await here.step(run_id, 1)
        for request in first:
            await here.result(request)
        await here.runtime._life.recorder.settle()
        await here.advance(100)
        with pytest.raises(Gone, match="has expired"):
            await here.outcome(first[0])
    async with world(tmp_path, clock="manual") as again:
        with pytest.raises(Gone, match="has expired"):
            await again.outcome(first[0])
        for request in await again.step(run_id, 3):
            await again.result(request)
        assert await again.step(run_id, 1) == first, "a late repeat is known, and runs no second time"


async def test_a_server_that_stops_in_the_middle_of_everything_goes_on_at_its_next_start(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.open_session()
        runs = [await here.create_run(number) for number in range(3)]
        requests = [
            request for step in range(4) for run_id in runs for request in await here.step(run_id, 2 * step + 1)
        ]
        polls = [asyncio.create_task(here.runtime.poll(TENANT, request, 20)) for request in requests]
        await asyncio.sleep(0.01)
    assert all(poll.done() for poll in polls), "nobody is left waiting"
    async with world(tmp_path) as again:
        results = [await again.result(request) for request in requests]
        assert results[0::2] != results[1::2]
        saved = [await again.answer(await again.save(run_id, 9, "end")) for run_id in runs]
        assert len({answer["path"] for answer in saved}) == 3


async def test_many_runs_at_once_give_each_the_numbers_that_it_has_alone(tmp_path: Path) -> None:
    async with world(tmp_path / "together") as here:
        await here.open_session()
        runs = [await here.create_run(number) for number in range(8)]
        requests: dict[str, list[str]] = {run_id: [] for run_id in runs}
        for step in range(4):
            for at, run_id in enumerate(runs):
                requests[run_id] += await here.step(run_id, 2 * step + 1, range(40 + at, 60 + at))
        together = [[await here.result(request) for request in requests[run_id]] for run_id in runs]
    for at in (0, 7):
        async with world(tmp_path / f"alone-{at}") as here:
            await here.open_session()
            run_id = await here.create_run(at)
            mine = [await here.step(run_id, 2 * step + 1, range(40 + at, 60 + at)) for step in range(4)]
            assert [await here.result(request) for step in mine for request in step] == together[at]
