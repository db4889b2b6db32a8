"""Samplers: what they sample from, which of their requests ended, and which are not wanted any more."""

import asyncio
from pathlib import Path
from threading import Event

import pytest

from mock_server.domain import operations, samplers
from mock_server.domain.errors import Invalid, NotFound
from mock_server.domain.operations import Outcome
from mock_server.domain.samplers import NewSampler
from mock_server.runtime import INTERFERENCE, Interference, sampling
from mock_server.runtime.board import LiveOperation
from mock_server.runtime.completions import SEQ_IDS_PER_CLONE, Completion
from tests.runtime.world import MODEL, TENANT, World, crash_image, until, world

LONG = 3000
"""Tokens that take the model a good while."""


async def base_sampler(here: World, number: int = 0) -> str:
    session = here.session or await here.open_session()
    sampler = await here.runtime.store.write(samplers.create, TENANT, NewSampler(session, number, MODEL))
    return sampler.id


async def poll_for(
    here: World, sampler: str, clone: int = 0, *, seen: int = 0, seconds: float = 20
) -> tuple[list[Completion], int]:
    clock = here.runtime.clocks.of(TENANT)
    return await here.runtime.completions.poll(clock, sampler, clone, seen=seen, retrieved=[], seconds=seconds)


async def ended(here: World, sampler: str, seen: int = 0, clone: int = 0) -> tuple[list[str], int]:
    """The request ids that the poller learns of, without waiting, and its next cursor."""
    found, cursor = await poll_for(here, sampler, clone, seen=seen, seconds=0)
    return [completion.operation_id for completion in found], cursor


# Weights.


async def test_a_sampler_samples_from_the_weights_of_its_save_whatever_is_trained_after_it(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.open_session()
        run_id = await here.create_run()
        early = await here.save_for_sampler(run_id, 1, 0)
        before = await here.result(await here.sample(early, 0, max_tokens=8, seed=1))
        for step in range(5):
            for request in await here.step(run_id, 2 * step + 2):
                await here.result(request)
        late = await here.save_for_sampler(run_id, 12, 1)
        assert await here.result(await here.sample(early, 1, max_tokens=8, seed=1)) == before
        assert await here.result(await here.sample(late, 0, max_tokens=8, seed=1)) != before


async def test_samplers_beyond_the_memory_for_weights_keep_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "KEPT_WEIGHTS", 1)
    async with world(tmp_path) as here:
        await here.open_session()
        run_id = await here.create_run()
        made = []
        for step in range(4):
            for request in await here.step(run_id, 3 * step + 1):
                await here.result(request)
            made.append(await here.save_for_sampler(run_id, 3 * step + 3, step))

        async def results(seq_id: int) -> list[bytes]:
            requests = [await here.sample(sampler, seq_id, max_tokens=30, seed=1, temperature=1.0) for sampler in made]
            return [await here.result(request) for request in requests]

        first = await results(0)
        assert len(set(first)) == len(made)
        assert await results(1) == first
        assert len(here.runtime._life.floor._weights) == 1


# Cancelling.


async def test_a_cancelled_sample_ends_at_once_and_stays_cancelled(tmp_path: Path) -> None:
    async with world(tmp_path / "live") as here:
        sampler = await base_sampler(here)
        running = await here.sample(sampler, 0, max_tokens=LONG, stop=[])
        await asyncio.sleep(0.05)
        queued = await here.sample(sampler, 1, max_tokens=LONG, stop=[])
        for request in (running, queued):
            await here.runtime.cancel(TENANT, request)
            assert (await here.outcome(request)).state == "cancelled"
        await here.runtime._life.recorder.settle()
        image = crash_image(tmp_path / "live", tmp_path / "image")
    async with world(image) as again:
        for request in (running, queued):
            assert (await again.outcome(request)).state == "cancelled"


async def test_a_sample_may_be_cancelled_on_its_way_to_the_model(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with world(tmp_path) as here:
        sampler = await base_sampler(here)
        gate = Event()
        busy = asyncio.create_task(here.runtime._life.executor.run(lambda: gate.wait(20)))
        await asyncio.sleep(0)
        request = await here.sample(sampler, 0, max_tokens=4)
        lane = next(iter(here.runtime._life.floor._lanes.values()))
        await until(lambda: not lane.arrivals)  # it waits for the executor now
        await here.runtime.cancel(TENANT, request)
        gate.set()
        await busy
        assert (await here.outcome(request)).state == "cancelled"
        await until(lambda: not here.runtime._life.floor._lanes)
    assert not caplog.records


async def test_cancelling_one_sample_leaves_those_beside_it_alone(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        sampler = await base_sampler(here)
        expected = await here.result(await here.sample(sampler, 0, max_tokens=300, seed=3, stop=[]))
        beside = await here.sample(sampler, 1, max_tokens=300, seed=3, stop=[])
        unwanted = await here.sample(sampler, 2, max_tokens=LONG, stop=[])
        await here.runtime.cancel(TENANT, unwanted)
        assert await here.result(beside) == expected


async def test_a_sample_that_has_ended_can_not_be_cancelled_any_more(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        sampler = await base_sampler(here)
        request = await here.sample(sampler, 0, max_tokens=3)
        result = await here.result(request)
        await here.runtime.cancel(TENANT, request)
        assert await here.result(request) == result


async def test_a_sample_on_whose_end_somebody_acts_has_ended(tmp_path: Path) -> None:
    acting, over, acted = asyncio.Event(), asyncio.Event(), []

    async def act(operation: LiveOperation, outcome: Outcome) -> Outcome:
        acted.append(operation.id)
        acting.set()
        await over.wait()
        return outcome

    async with world(tmp_path) as here:
        sampler = await base_sampler(here)
        interference = INTERFERENCE.set(Interference(after=(act,)))
        request = await here.sample(sampler, 0, max_tokens=3)
        INTERFERENCE.reset(interference)
        await acting.wait()
        await here.runtime.cancel(TENANT, request)
        over.set()
        result = await here.result(request)
        await until(lambda: not here.runtime._life._interfering)
        assert acted == [request]
        assert await here.result(request) == result
        assert here.runtime.store.read_now(operations.found, TENANT, request).state == "succeeded"


async def test_only_samples_of_ones_own_can_be_cancelled(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        sampler = await base_sampler(here)
        run_id = await here.create_run()
        with pytest.raises(Invalid, match="only samples"):
            await here.runtime.cancel(TENANT, await here.optim_step(run_id, 2))
        request = await here.sample(sampler, 0, max_tokens=LONG)
        with pytest.raises(NotFound):
            await here.runtime.cancel("another tenant", request)


async def test_a_long_result_of_a_cancelled_sample_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mock_server.runtime.results.INLINE_BYTES", 10)
    async with world(tmp_path) as here:
        sampler = await base_sampler(here)
        request = await here.sample(sampler, 0, max_tokens=400, stop=[])
        # Cancelled on the loop while its last slice is being decoded on the executor's thread.
        monkeypatch.setattr(here.runtime._life.floor, "cancel", lambda _: None)
        await here.runtime.cancel(TENANT, request)
        await until(lambda: not here.runtime._life.floor._lanes)
        await here.runtime._life.recorder.settle()
        assert not list((tmp_path / "artifacts").glob("??/*"))


# Completions.


async def test_a_poller_learns_of_each_sample_once_it_has_said_so(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        sampler = await base_sampler(here)
        first = await here.sample(sampler, 0, max_tokens=2)
        await here.result(first)
        found, cursor = await ended(here, sampler)
        assert found == [first]
        assert (await ended(here, sampler))[0] == [first], "the answer may have been lost: it did not say so"
        assert await ended(here, sampler, cursor) == ([], cursor)
        second = await here.sample(sampler, 1, max_tokens=2)
        await here.result(second)
        found, later = await ended(here, sampler, cursor)
        assert found == [second]
        assert later > cursor


async def test_a_waiting_poller_is_told_at_once(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        sampler = await base_sampler(here)
        poll = asyncio.create_task(poll_for(here, sampler))
        await until(lambda: here.runtime.clocks.line_of(TENANT).waiting)
        request = await here.sample(sampler, 0, max_tokens=2)
        found, _ = await asyncio.wait_for(poll, 10)
        assert [(completion.operation_id, completion.failed) for completion in found] == [(request, False)]
        assert found[0].size == len(await here.result(request))


async def test_pollers_that_begin_at_the_same_time_both_learn_of_what_ended_before(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        sampler = await base_sampler(here)
        request = await here.sample(sampler, 0, max_tokens=2)
        await here.result(request)
        polls = [poll_for(here, sampler) for _ in range(2)]
        for found, _ in await asyncio.wait_for(asyncio.gather(*polls), 10):
            assert [completion.operation_id for completion in found] == [request]


async def test_a_poller_with_a_cursor_of_an_earlier_life_of_the_server_misses_nothing(tmp_path: Path) -> None:
    async with world(tmp_path / "live", clock="manual") as here:
        sampler = await base_sampler(here)
        first = await here.sample(sampler, 0, max_tokens=2)
        await here.result(first)
        _, cursor = await ended(here, sampler)
        second = await here.sample(sampler, 1, max_tokens=2)
        await here.result(second)
        await here.runtime._life.recorder.settle()
        image = crash_image(tmp_path / "live", tmp_path / "image")
    async with world(image, clock="manual") as again:  # not a tick later, as a clock that was set back would have it
        found, later = await ended(again, sampler, cursor)
        assert second in found
        assert later > cursor


async def test_copies_of_a_client_learn_of_their_own_samples_only(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        sampler = await base_sampler(here)
        mine = await here.sample(sampler, 0, max_tokens=2)
        copies = await here.sample(sampler, 3 * SEQ_IDS_PER_CLONE, max_tokens=2)
        for request in (mine, copies):
            await here.result(request)
        assert (await ended(here, sampler))[0] == [mine]
        assert (await ended(here, sampler, clone=3))[0] == [copies]


async def test_a_failed_sample_is_told_as_such(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        sampler = await base_sampler(here)
        request = await here.sample(sampler, 0, prompt=[-1])
        assert (await here.outcome(request)).error_category == "user"
        found, _ = await here.runtime.completions.poll(
            here.runtime.clocks.of(TENANT), sampler, 0, seen=0, retrieved=[], seconds=0
        )
        assert [completion.failed for completion in found] == [True]


async def test_a_sample_that_a_dial_holds_back_is_no_completion_yet(tmp_path: Path) -> None:
    async with world(tmp_path, dials={"sample": "manual"}) as here:
        sampler = await base_sampler(here)
        request = await here.sample(sampler, 0, max_tokens=2)
        operation = here.runtime.board.get(request)
        assert operation is not None
        await until(lambda: operation.outcome is not None)
        assert (await ended(here, sampler))[0] == []
        here.runtime.board.release(request)
        assert (await ended(here, sampler))[0] == [request]


async def test_feeds_that_nobody_asks_any_more_leave_the_memory_and_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mock_server.runtime.completions.KEPT_FEEDS", 2)
    async with world(tmp_path) as here:
        made = [await base_sampler(here, number) for number in range(4)]
        requests = [await here.sample(sampler, 0, max_tokens=2) for sampler in made]
        for request in requests:
            await here.result(request)
        for sampler, request in zip(made * 2, requests * 2, strict=True):
            assert (await ended(here, sampler))[0] == [request]
            assert len(here.runtime.completions._feeds) <= 2


async def test_a_stopping_server_answers_waiting_pollers(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        sampler = await base_sampler(here)
        poll = asyncio.create_task(poll_for(here, sampler, seen=7))
        await until(lambda: here.runtime.clocks.line_of(TENANT).waiting)
        here.runtime.release_polls()
        assert await asyncio.wait_for(poll, 5) == ([], 7)
        again = here.runtime.completions.poll(
            here.runtime.clocks.of(TENANT), sampler, 0, seen=7, retrieved=[], seconds=20
        )
        assert await asyncio.wait_for(again, 5) == ([], 7)
