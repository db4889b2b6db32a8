"""The clocks of a server: whose they are, what a move brings about, and what of them outlives the server."""

from __future__ import annotations

import asyncio
from itertools import count
from threading import Event
from time import time
from typing import TYPE_CHECKING

import pytest

from mock_server.domain import sessions
from mock_server.domain.clocks import EVERYBODY
from mock_server.domain.errors import Gone, Invalid
from mock_server.runtime import Pending
from mock_server.runtime.idle_time import QUIET_SECONDS
from mock_server.store import StorageUnavailable
from tests.runtime.world import TENANT, World, crash_image, until, world

if TYPE_CHECKING:
    from pathlib import Path

OTHER = "another"


def ahead(here: World, tenant: str = TENANT) -> float:
    return here.runtime.clocks.now(tenant) - time()


async def parked(here: World, waiting: int = 1) -> None:
    """Return when so many wait for the tenant's time to pass."""
    await until(lambda: here.runtime.clocks.line_of(TENANT).waiting == waiting)


async def test_a_tenant_shares_the_clock_until_it_is_given_its_own(tmp_path: Path) -> None:
    async with world(tmp_path, clock="manual") as here:
        clocks = here.runtime.clocks
        clock, other = clocks.of(TENANT), clocks.of(OTHER)
        assert clock.now() == other.now() == clocks.now(EVERYBODY)
        await clocks.set(TENANT, "manual")
        await clocks.advance(EVERYBODY, seconds=60)
        assert other.now() - clock.now() == 60
        await clocks.advance(TENANT, seconds=90)
        assert clock.now() - other.now() == 30


async def test_who_waits_already_goes_by_the_clock_that_its_tenant_is_given(tmp_path: Path) -> None:
    async with world(tmp_path, dials={"forward_backward": "after:3600"}, gap_seconds=1000) as here:
        await here.open_session()
        run_id = await here.create_run()
        request = await here.forward_backward(run_id, 1)
        behind = await here.optim_step(run_id, 3)
        waiting = asyncio.create_task(here.runtime.poll(TENANT, request, 7200))
        await parked(here)
        await here.runtime.clocks.set(TENANT, "manual")
        # The hour began with the request, and till here the machine's time has passed: a busy one needs its seconds.
        await here.runtime.clocks.advance(TENANT, seconds=3500)
        assert not waiting.done()
        await here.runtime.clocks.advance(TENANT, seconds=100)
        assert waiting.done()
        assert not isinstance(await waiting, Pending)
        operation = here.runtime.board.get(behind)
        assert operation is not None
        assert operation.outcome is not None, "the gap before it was given up long ago"


async def test_an_advance_returns_when_gap_after_gap_is_given_up_and_the_work_behind_is_done(tmp_path: Path) -> None:
    async with world(tmp_path, clock="manual", gap_seconds=5) as here:
        await here.open_session()
        run_id = await here.create_run()
        requests = [await here.forward_backward(run_id, seq_id) for seq_id in (2, 4, 6)]
        live = [here.runtime.board.get(request) for request in requests]
        await here.advance(4.9)
        assert [operation is not None and operation.outcome is not None for operation in live] == [False] * 3
        await here.advance(0.1)
        assert [operation is not None and operation.outcome is not None for operation in live] == [True] * 3


@pytest.mark.parametrize("gap", [0.1, 0.3, 1 / 3, 5.7])
async def test_a_gap_of_any_length_is_given_up_by_an_advance_of_that_length(tmp_path: Path, gap: float) -> None:
    async with world(tmp_path, clock="manual", gap_seconds=gap) as here:
        await here.open_session()
        run_id = await here.create_run()
        for seq_id in range(2, 22, 2):
            request = await here.optim_step(run_id, seq_id)
            await here.advance(gap)
            operation = here.runtime.board.get(request)
            assert operation is not None
            assert operation.outcome is not None


async def test_a_client_that_asks_again_whenever_it_is_answered_is_answered_once_in_a_day_that_is_skipped(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, clock="manual", dials={"optim_step": "never"}) as here:
        await here.open_session()
        run_id = await here.create_run()
        request = await here.optim_step(run_id, 1)
        answers = 0

        async def ask() -> None:
            nonlocal answers
            while True:
                await here.runtime.poll(TENANT, request, 30)
                answers += 1

        asking = asyncio.create_task(ask())
        await parked(here)
        await here.advance(80_000)
        assert answers == 2, "the poll that waited, and the one that came meanwhile"
        asking.cancel()


async def test_a_heartbeat_that_was_not_written_down_yet_counts(tmp_path: Path) -> None:
    async with world(tmp_path, clock="manual", session_timeout_seconds=100) as here:
        session = await here.open_session()
        await here.advance(99)
        here.runtime.beat(TENANT, session)
        await here.advance(99)
        await here.runtime.store.read(sessions.check_alive, TENANT, session)
        await here.advance(1)
        with pytest.raises(Gone):
            await here.runtime.store.read(sessions.check_alive, TENANT, session)


async def test_who_waits_for_a_result_that_expires_unseen_is_told_that_it_is_gone(tmp_path: Path) -> None:
    async with world(tmp_path, clock="manual", dials={"optim_step": "never"}, result_ttl_seconds=100) as here:
        await here.open_session()
        request = await here.optim_step(await here.create_run(), 1)
        waiting = asyncio.create_task(here.runtime.poll(TENANT, request, 1000))
        await parked(here)
        await until(lambda: not here.runtime.board.unended)  # else its time would not have begun
        await here.advance(100)
        assert await waiting == Pending()
        with pytest.raises(Gone, match="has expired"):
            await here.runtime.poll(TENANT, request, 1000)


@pytest.mark.parametrize("orderly", [True, False])
async def test_time_goes_on_where_the_work_that_it_waits_for_is_left_to_the_next_life(
    tmp_path: Path, *, orderly: bool
) -> None:
    async with world(tmp_path, clock="manual") as here:
        await here.open_session()
        run, held = await here.create_run(), Event()
        await until(lambda: not here.runtime.board.unended)
        holding = asyncio.create_task(here.runtime._life.executor.run(held.wait))
        request = await here.optim_step(run, 1)
        advancing = asyncio.create_task(here.advance(1))
        try:
            await until(lambda: bool(here.runtime.board.unended))
            assert not advancing.done()
            restarting = asyncio.create_task(here.runtime.restart(orderly=orderly))
            await asyncio.wait_for(advancing, 20)
        finally:
            held.set()
        await asyncio.gather(holding, restarting)
        assert (await here.outcome(request)).state == "succeeded"


async def test_only_what_belongs_to_a_tenant_expires_by_its_clock(tmp_path: Path) -> None:
    async with world(tmp_path, session_timeout_seconds=100) as here:
        mine = await here.open_session()
        theirs = await here.runtime.store.write(sessions.create, OTHER, sessions.NewSession(), 1)
        await here.runtime.clocks.advance(TENANT, seconds=100)
        with pytest.raises(Gone):
            await here.runtime.store.read(sessions.check_alive, TENANT, mine)
        await here.runtime.store.read(sessions.check_alive, OTHER, theirs)
        await here.runtime.clocks.advance(EVERYBODY, seconds=100)
        with pytest.raises(Gone):
            await here.runtime.store.read(sessions.check_alive, OTHER, theirs)


async def test_a_time_that_was_seen_is_not_seen_again_after_a_kill(tmp_path: Path) -> None:
    async with world(tmp_path / "live", clock="manual") as here:
        clocks = here.runtime.clocks
        await clocks.set(TENANT, "auto", now=clocks.now(TENANT) + 1000)
        await clocks.advance(OTHER, seconds=500)
        before = [clocks.now(tenant) for tenant in (TENANT, OTHER, "third")]
        image = crash_image(tmp_path / "live", tmp_path / "image")
    async with world(image, clock="auto") as again:
        after = [again.runtime.clocks.now(tenant) for tenant in (TENANT, OTHER, "third")]
        modes = [again.runtime.clocks.line_of(tenant).mode for tenant in (TENANT, OTHER, "third")]
    assert [late - early >= 0 for early, late in zip(before, after, strict=True)] == [True] * 3
    assert after[1] - before[1] < 100
    assert modes == ["auto", "auto", "auto"], "who was given no mode goes by that of the new start"


async def test_a_clock_is_not_moved_where_that_can_not_be_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, clock="manual") as here:
        before = here.runtime.clocks.now(TENANT)

        async def full(*_: object) -> None:
            raise StorageUnavailable("No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(here.runtime.store, "write", full)
            with pytest.raises(StorageUnavailable):
                await here.runtime.clocks.advance(TENANT, seconds=5)
        assert here.runtime.clocks.now(TENANT) == before


async def test_time_neither_goes_backwards_nor_beyond_its_end(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        with pytest.raises(Invalid, match=r"to is 1970-.* and the clock shows 2.*: time never goes backwards"):
            await here.runtime.clocks.advance(TENANT, to=0)
        with pytest.raises(Invalid, match="seconds leads beyond 2200-01-01"):
            await here.runtime.clocks.advance(EVERYBODY, seconds=1e12)
        with pytest.raises(Invalid, match="now is 1970-"):
            await here.runtime.clocks.set(TENANT, "manual", now=1.0)
        assert here.runtime.clocks.line_of(TENANT).mode == "real"


async def test_an_advance_by_no_time_is_none_backwards_however_fast_the_clock_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path) as here:
        clocks = here.runtime.clocks
        ticks = count(time())
        with monkeypatch.context() as patch:
            patch.setattr("mock_server.runtime.timeline.time", lambda: float(next(ticks)))
            await clocks.advance(TENANT, seconds=0)
            await clocks.advance(EVERYBODY, seconds=0)
            with pytest.raises(Invalid, match="time never goes backwards"):
                await clocks.advance(TENANT, seconds=-1)


# Skipping idle time.


async def test_an_auto_clock_skips_to_what_is_due_next_while_a_client_waits_and_nothing_is_done(tmp_path: Path) -> None:
    dials = {"forward_backward": "after:3600", "optim_step": "never"}
    async with world(tmp_path, clock="auto", dials=dials) as here:
        await here.open_session()
        run_id = await here.create_run()
        request, stuck = await here.step(run_id, 1)
        polls = 0
        while await here.runtime.poll(TENANT, request, 600) == Pending("active"):
            polls += 1
        assert polls == 5, "the sixth wait ends with the result"
        assert ahead(here) == pytest.approx(3600, abs=60)
        assert await here.runtime.poll(TENANT, stuck, 30) == Pending()
        assert ahead(here) == pytest.approx(3630, abs=60)
        assert ahead(here, OTHER) == pytest.approx(0, abs=1)


async def test_an_auto_clock_skips_nothing_while_something_is_done_or_nobody_waits(tmp_path: Path) -> None:
    async with world(tmp_path, clock="auto", dials={"forward_backward": "after:3600"}, gap_seconds=1000) as here:
        await here.open_session()
        run_id = await here.create_run()
        first = await here.forward_backward(run_id, 1)
        operation = here.runtime.board.get(first)
        assert operation is not None
        await until(lambda: operation.outcome is not None)
        await asyncio.sleep(3 * QUIET_SECONDS)  # real time, which nobody waits through
        assert ahead(here) < 1
        behind = await here.optim_step(run_id, 3)
        waiting = asyncio.create_task(here.runtime.poll(TENANT, behind, 30))
        await asyncio.sleep(3 * QUIET_SECONDS)  # the request that is missing may be on its way
        assert ahead(here) < 1
        await here.optim_step(run_id, 2)
        assert not isinstance(await waiting, Pending)


async def test_a_stuck_operation_is_polled_no_faster_than_the_quiet_time_allows(tmp_path: Path) -> None:
    async with world(tmp_path, clock="auto", dials={"optim_step": "never"}) as here:
        await here.open_session()
        request = await here.optim_step(await here.create_run(), 1)
        begun = asyncio.get_running_loop().time()
        for _ in range(10):
            assert await here.runtime.poll(TENANT, request, 30) == Pending()
        assert asyncio.get_running_loop().time() - begun >= 9 * QUIET_SECONDS


async def test_a_full_disk_keeps_an_auto_clock_from_skipping_and_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, clock="auto", dials={"optim_step": "never"}) as here:
        await here.open_session()
        request = await here.optim_step(await here.create_run(), 1)
        operation = here.runtime.board.get(request)
        assert operation is not None
        await until(lambda: operation.outcome is not None)
        refused = 0

        async def full(*_: object) -> None:
            nonlocal refused
            refused += 1
            raise StorageUnavailable("No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(here.runtime.store, "write", full)
            waiting = asyncio.create_task(here.runtime.poll(TENANT, request, 30))
            await until(lambda: refused >= 2)
            assert not waiting.done()
        assert await waiting == Pending()
