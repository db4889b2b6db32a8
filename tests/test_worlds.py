"""A tenant's world as a whole: emptied, seeded, saved and restored to the last bit, whatever was under way."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from mock_server.domain import oversight, tenant_rows
from mock_server.domain.errors import Conflict, Invalid, NotFound
from mock_server.domain.orders import OptimStepOrder, SampleOrder
from mock_server.faults import FaultPlan, FaultRule
from mock_server.journal import Wanted
from mock_server.runtime import Pending
from mock_server.seeding import InvalidSeedData, Sown
from mock_server.worlds import Worlds
from tests.journal.heard import hear, journal
from tests.runtime.world import TENANT, until, weights_of, world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mock_server.store import Rows
    from tests.runtime.world import World


@asynccontextmanager
async def living(directory: Path, **options: object) -> AsyncIterator[tuple[World, Worlds]]:
    async with world(directory, **options) as here:  # type: ignore[arg-type]
        yield here, Worlds(here.runtime, FaultPlan(), None)


async def rows(here: World) -> Rows:
    await here.runtime.settle()
    return await here.runtime.store.read(tenant_rows.taken_down, TENANT)


async def steps(here: World, run_id: str) -> int:
    await here.runtime.settle()
    return (await here.runtime.store.read(oversight.run, run_id)).run.optimizer_steps


def files(here: World) -> int:
    return sum(path.is_file() for path in here.runtime.store.artifacts.folder.rglob("*"))


async def trained(here: World, steps: int = 2) -> str:
    await here.open_session()
    run_id = await here.create_run()
    for number in range(steps):
        for request in await here.step(run_id, 2 * number + 1):
            await here.result(request)
    return run_id


# Snapshots.


async def test_a_restored_run_goes_on_with_the_same_numbers_to_the_last_bit(tmp_path: Path) -> None:
    async with living(tmp_path) as (here, worlds):
        run_id = await trained(here)
        # A gradient that no step has taken up yet belongs to it.
        await here.result(await here.forward_backward(run_id, 5))
        saved = await worlds.save(TENANT, "between")
        assert (saved.artifacts, saved.rows > 5) == (0, True)
        numbers = []
        for life in range(3):
            if life:
                await worlds.restore(TENANT, "between")
            assert await steps(here, run_id) == 2
            await here.result(await here.optim_step(run_id, 6))
            losses = [await here.result(request) for request in await here.step(run_id, 7)]
            numbers.append((losses, await weights_of(here, run_id, 9, "final"), await steps(here, run_id)))
        assert numbers[0] == numbers[1] == numbers[2]
        assert numbers[0][2] == 4
    # What was restored is what a later life of the server finds, too.
    async with living(tmp_path) as (here, worlds):
        assert await steps(here, run_id) == 4
        assert await weights_of(here, run_id, 10, "again") == numbers[0][1]


async def test_a_snapshot_holds_rows_and_files_and_is_unharmed_by_what_happens_to_them(tmp_path: Path) -> None:
    async with living(tmp_path) as (here, worlds):
        run_id = await trained(here)
        sampler = await here.save_for_sampler(run_id, 5, 0)
        await here.answer(await here.save(run_id, 6, "kept"))
        before = await rows(here)
        greedy = await here.result(await here.sample(sampler, 0, max_tokens=4, temperature=0))
        await worlds.save(TENANT, "whole")
        await worlds.reset(TENANT, "empty")
        assert files(here) == 0
        await worlds.restore(TENANT, "whole")
        after = await rows(here)
        assert [row["id"] for row in after["training_run"]] == [row["id"] for row in before["training_run"]]
        assert await here.result(await here.sample(sampler, 1, max_tokens=4, temperature=0)) == greedy
        loaded = await here.load(run_id, 7, f"tinker://{run_id}/weights/kept")
        assert (await here.outcome(loaded)).state == "succeeded"


async def test_a_damaged_file_is_damaged_again_and_a_missing_one_missing(tmp_path: Path) -> None:
    async with living(tmp_path) as (here, worlds):
        run_id = await trained(here)
        for number, name in enumerate(("flipped", "lost"), 5):
            await here.answer(await here.save(run_id, number, name))
        artifacts = here.runtime.store.artifacts
        flipped, lost = (artifacts.path(row["artifact"]) for row in (await rows(here))["checkpoint"])
        # The run's own snapshot is the newer of the two files.
        flipped.write_bytes(b"\x00" + flipped.read_bytes()[1:])
        lost.unlink()
        await worlds.save(TENANT, "broken")
        await worlds.restore(TENANT, "broken")
        found = [artifacts.path(row["artifact"]) for row in (await rows(here))["checkpoint"]]
        assert [path.exists() for path in found] == [True, False]
        await here.open_session()
        failed = await here.outcome(await here.load(await here.create_run(), 1, f"tinker://{run_id}/weights/flipped"))
        assert "is damaged" in (failed.error or "")


async def test_what_was_unfinished_is_taken_up_where_it_was(tmp_path: Path) -> None:
    async with living(tmp_path, gap_seconds=3600) as (here, worlds):
        run_id = await trained(here)
        waiting = await here.optim_step(run_id, 6)
        await worlds.save(TENANT, "gap")
        await here.result(await here.forward_backward(run_id, 5))
        first = await here.result(waiting)
        await worlds.restore(TENANT, "gap")
        assert isinstance(await here.runtime.poll(TENANT, waiting, 0), Pending)
        await here.result(await here.forward_backward(run_id, 5))
        assert await here.result(waiting) == first
        assert await steps(here, run_id) == 3


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "x" * 101])
async def test_a_name_that_can_be_none_is_refused(tmp_path: Path, name: str) -> None:
    async with living(tmp_path) as (_, worlds):
        with pytest.raises(Invalid, match="use 1 to 100 letters, digits and"):
            await worlds.save(TENANT, name)


async def test_snapshots_are_not_mistaken_for_each_other(tmp_path: Path) -> None:
    async with living(tmp_path) as (here, worlds):
        await here.open_session()
        await worlds.save(TENANT, "first")
        with pytest.raises(Conflict, match="snapshot 'first' exists: give another name, or overwrite: true"):
            await worlds.save(TENANT, "first")
        assert (await worlds.save(TENANT, "first", overwrite=True)).name == "first"
        with pytest.raises(NotFound, match=r"snapshot 'frist' is unknown: did you mean first\?"):
            await worlds.restore(TENANT, "frist")
        with pytest.raises(NotFound, match="this tenant has no snapshot: save one"):
            worlds.delete("other", "first")
        # A file that somebody copied from one tenant to the other.
        folder = tmp_path / "snapshots"
        (folder / "other").mkdir()
        (folder / "other" / "first.zip").write_bytes((folder / TENANT / "first.zip").read_bytes())
        with pytest.raises(Invalid, match="snapshot 'first': it is of another tenant"):
            await worlds.restore("other", "first")
        worlds.delete(TENANT, "first")
        assert worlds.snapshots(TENANT) == []


# Resetting.


async def test_a_reset_leaves_nothing_and_makes_the_seed_data_again(tmp_path: Path) -> None:
    async with living(tmp_path) as (here, worlds):
        sown = await worlds.sow(TENANT, "one-run-two-checkpoints")
        before = files(here)
        await here.open_session()
        await here.create_run(3)
        again = await worlds.reset(TENANT)
        assert again == sown
        assert len((await rows(here))["training_run"]) == 1
        assert files(here) == before
        assert (await worlds.reset(TENANT, "empty")) == Sown()
        assert not any((await rows(here)).values())
        other = await worlds.reset(TENANT, seed="one-session")
        assert (len(other.sessions), other.runs) == (1, [])
        assert await worlds.reset(TENANT) == other
    async with living(tmp_path) as (here, worlds):
        assert await worlds.reset(TENANT) == other


async def test_a_reset_without_seed_data_leaves_nothing(tmp_path: Path) -> None:
    async with living(tmp_path) as (here, worlds):
        await trained(here)
        assert await worlds.reset(TENANT) == Sown()
        assert not any((await rows(here)).values())


async def test_a_wrong_reset_changes_nothing(tmp_path: Path) -> None:
    async with living(tmp_path) as (here, worlds):
        await trained(here)
        before = await rows(here)
        with pytest.raises(InvalidSeedData):
            await worlds.reset(TENANT, seed="none")
        with pytest.raises(NotFound):
            await worlds.reset(TENANT, "snapshot", snapshot="none")
        with pytest.raises(Invalid, match="snapshot is absent: name the one to go back to"):
            await worlds.reset(TENANT, "snapshot")
        assert await rows(here) == before


async def test_faults_dials_and_journal_of_the_tenant_go_those_of_others_stay(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        kept, plan = journal(), FaultPlan()
        worlds = Worlds(here.runtime, plan, kept)
        dials = here.runtime.dials
        for tenant in (TENANT, "other"):
            hear(kept, key=tenant)
            plan.add(FaultRule.parse({"phase": "before_handler", "effect": "reset"}), tenant)
            dials.turn(tenant, "forward", type(dials.of(None, "forward"))("never"))
        await worlds.reset(TENANT)
        assert [entry.tenant for entry in kept.entries(Wanted())] == ["other"]
        assert [rule.tenant for rule in plan.active] == ["other"]
        assert [dials.of(tenant, "forward").mode for tenant in (TENANT, "other")] == ["immediate", "never"]


async def test_a_reset_gives_the_tenant_everybodys_clock_back_and_a_snapshot_does_not(tmp_path: Path) -> None:
    async with living(tmp_path) as (here, worlds):
        clocks = here.runtime.clocks
        await here.open_session()
        await clocks.set(TENANT, "manual")
        await clocks.advance(TENANT, seconds=86_400)
        ahead = clocks.now(TENANT)
        await worlds.save(TENANT, "tomorrow")
        await worlds.reset(TENANT, "snapshot", snapshot="tomorrow")
        assert clocks.now(TENANT) == ahead
        await worlds.reset(TENANT)
        assert clocks.now(TENANT) < ahead - 80_000


async def test_who_waits_for_what_is_gone_is_told_to_ask_again_and_hears_that_it_is_gone(tmp_path: Path) -> None:
    async with living(tmp_path, gap_seconds=3600) as (here, worlds):
        run_id = await trained(here)
        stuck = await here.optim_step(run_id, 9)
        waiting = asyncio.create_task(here.runtime.poll(TENANT, stuck, 60))
        operation = here.runtime.board.get(stuck)
        assert operation is not None
        await until(lambda: operation.waiters)
        await worlds.reset(TENANT)
        assert isinstance(await waiting, Pending)
        with pytest.raises(NotFound):
            await here.runtime.poll(TENANT, stuck, 0)


async def test_requests_that_come_in_the_middle_wait_for_the_end_and_leave_nothing_behind(tmp_path: Path) -> None:
    async with living(tmp_path) as (here, worlds):
        for _ in range(5):
            run_id = await trained(here, 1)
            sampler = await here.save_for_sampler(run_id, 3, 0)
            order = SampleOrder(prompt=[{"type": "encoded_text", "tokens": [1, 2]}])
            step = OptimStepOrder(parameters={"learning_rate": 1e-3})
            # Some are accepted before it, some come in the middle, some behind it.
            requests = [
                *(asyncio.create_task(here.submit(run_id, "optim_step", number, step)) for number in range(4, 10)),
                *(asyncio.create_task(here.runtime.sample(TENANT, sampler, n, order)) for n in range(6)),
            ]
            reset = asyncio.create_task(worlds.reset(TENANT))
            await asyncio.sleep(0)
            requests += [asyncio.create_task(here.submit(run_id, "optim_step", n, step)) for n in range(10, 14)]
            requests += [asyncio.create_task(here.runtime.sample(TENANT, sampler, n, order)) for n in range(6, 9)]
            await reset
            outcomes = await asyncio.gather(*requests, return_exceptions=True)
            assert {type(outcome) for outcome in outcomes} <= {str, tuple, NotFound}
            assert NotFound in {type(outcome) for outcome in outcomes}
            assert not any((await rows(here)).values())
            assert files(here) == 0
    # No row without its run, over which a server would stumble at its start.
    async with living(tmp_path) as (here, _):
        await trained(here)


async def test_resets_of_one_tenant_follow_each_other(tmp_path: Path) -> None:
    async with living(tmp_path) as (_, worlds):
        seeds = await asyncio.gather(*(worlds.reset(TENANT, seed="one-run") for _ in range(3)), worlds.reset("other"))
        assert seeds == [seeds[0], seeds[0], seeds[0], Sown()]
        assert await worlds.reset(TENANT) == seeds[0]
