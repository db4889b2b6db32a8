"""A server that is used for long needs no more memory and leaves no more files than one that was just started."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from mock_server.domain import samplers
from mock_server.domain.samplers import NewSampler
from mock_server.runtime import board as board_module
from tests.runtime.world import MODEL, TENANT, World, world

OPERATIONS: Final = int(os.environ.get("FLAT_OPERATIONS", "3000"))
"""FLAT_OPERATIONS=100000 is the long profile, in which the process is weighed too."""
ROUND: Final = 500
GROWTH_BYTES: Final = 24 << 20
"""What a Python process may grow by without a leak: fragments, caches of SQLite and numpy."""


class Client:
    """One training run and one sampler, asked again and again."""

    def __init__(self, here: World) -> None:
        self.here = here
        self.seq_id = 1
        self.samples = 0

    async def work(self, operations: int) -> None:
        for _ in range(operations // 10):
            requests = [request for _ in range(4) for request in await self._step()]
            requests += [await self.here.sample(self.sampler, self.samples + more, max_tokens=2) for more in range(2)]
            self.samples += 2
            for request in requests:
                await self.here.result(request)
        clock = self.here.runtime.clocks.of(TENANT)
        poll = self.here.runtime.completions.poll
        _, cursor = await poll(clock, self.sampler, 0, seen=0, retrieved=[], seconds=0)
        await poll(clock, self.sampler, 0, seen=cursor, retrieved=[], seconds=0)

    async def open(self) -> None:
        session = await self.here.open_session()
        self.run_id = await self.here.create_run()
        self.sampler = (await self.here.runtime.store.write(samplers.create, TENANT, NewSampler(session, 0, MODEL))).id

    async def _step(self) -> list[str]:
        requests = await self.here.step(self.run_id, self.seq_id)
        self.seq_id += 2
        return requests


@pytest.mark.timeout(60 + OPERATIONS / 50)
async def test_memory_and_files_stay_flat_however_many_operations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psutil

    monkeypatch.setattr(board_module, "KEPT_OPERATIONS", 200)
    weight = []
    async with world(tmp_path, inline_bytes=100, snapshot_steps=20) as here:
        client = Client(here)
        await client.open()
        for _ in range(OPERATIONS // ROUND):
            await client.work(ROUND)
            await here.runtime._life.recorder.settle()
            # What the writer does after a commit comes back through the loop.
            await here.runtime.store.write(lambda _: None)
            weight.append(psutil.Process().memory_info().rss)
            runtime = here.runtime
            assert runtime.board.statistics()["live"] <= 200
            assert not any(runtime.board._live[name].waiters for name in runtime.board._live)
            assert len(runtime._life.runs) == 1
            assert len(runtime._life.runs._workers[client.run_id].queue) == 0
            assert not runtime._life.runs._workers[client.run_id].queue._consumed
            assert not runtime._life.floor._lanes
            assert len(runtime._life.recorder._outcomes) == 0
            assert all(not feed.unseen and not feed.waiters for feed in runtime.completions._feeds.values())
            # The last snapshot, and the bodies behind it; those of samples stay until their results expire.
            assert len(_sizes_above(1000, tmp_path)) <= 2 * 20 + 1
    if OPERATIONS >= 50_000:
        print(f"resident after each {ROUND}, MB: {[round(each / 2**20) for each in weight][:: len(weight) // 20]}")
        settled = weight[len(weight) // 10 :]
        assert max(settled) - settled[0] < GROWTH_BYTES


async def test_no_file_outlives_the_row_that_it_belongs_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mock_server.runtime.results.INLINE_BYTES", 10)
    async with world(tmp_path, clock="manual", inline_bytes=10, snapshot_steps=5, result_ttl_seconds=50) as here:
        client = Client(here)
        await client.open()
        await client.work(40)
        await here.runtime._life.recorder.settle()
        assert len(_files(tmp_path)) > 40, "bodies and results are files here"
        for request in await here.step(client.run_id, client.seq_id):
            await here.result(request)
        await here.result(await here.save(client.run_id, client.seq_id + 2, "end"))
        await here.runtime._life.recorder.settle()
        await here.advance(51)
        await here.runtime._life.recorder.settle()  # files go after the commit of their rows
        assert len(_files(tmp_path)) == 1, "the checkpoint, which is the run's snapshot as well"


def _files(directory: Path) -> list[Path]:
    return list((directory / "artifacts").glob("??/*"))


def _sizes_above(least: int, directory: Path) -> list[int]:
    sizes = []
    for path in _files(directory):
        with suppress(FileNotFoundError):  # the writer is removing files, too
            sizes.append(path.stat().st_size)
    return [size for size in sizes if size > least]
