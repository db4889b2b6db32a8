"""The runs that are being worked on: each one's worker, made at the first need and let go when memory is short."""

import asyncio
from collections import OrderedDict

from mock_server.domain import resumption, training_runs
from mock_server.domain.errors import NotFound
from mock_server.runtime.ordered_queue import COMEBACK_SECONDS, OrderedQueue, next_seq_after
from mock_server.runtime.run_worker import RunWorker
from mock_server.runtime.upheavals import Upheavals
from mock_server.runtime.workshop import Workshop

KEPT_STATE_BYTES = 48 << 20
"""Training states in memory; the least recently used ones leave it, and come back from their logs."""
KEPT_RUNS = 1024
"""Runs that are known without asking the database."""


class RunRegistry:
    """Workers by run, the least recently used first."""

    def __init__(self, workshop: Workshop, gap_seconds: float, upheavals: Upheavals) -> None:
        self._workshop = workshop
        self._upheavals = upheavals
        self._gap_seconds = gap_seconds
        self._last_of_earlier_life = 0
        self._workers: OrderedDict[str, RunWorker] = OrderedDict()

    def __len__(self) -> int:
        return len(self._workers)

    async def begin(self) -> None:
        """Note which runs an earlier life of the server has made."""
        self._last_of_earlier_life = await self._workshop.store.read(training_runs.last_number)

    def rests(self, run_id: str) -> bool:
        """Whether nothing of the run is being worked on."""
        worker = self._workers.get(run_id)
        return worker is None or worker.queue.rests

    async def worker(self, tenant: str, run_id: str) -> RunWorker:
        """The run's worker. NotFound for a run of somebody else. The tenant is in no upheaval when this returns."""
        await self._upheavals.over(tenant)
        worker = self._workers.get(run_id)
        if worker is None:
            worker = await self._made(tenant, run_id)
        if worker.tenant != tenant:
            raise NotFound(training_runs.unknown(run_id))
        self._workers.move_to_end(run_id)
        return worker

    def forget(self, run_id: str) -> None:
        self._workers.pop(run_id, None)

    def forget_all(self, tenant: str) -> list[RunWorker]:
        """Let go of the tenant's workers, which their caller stops; who holds one must have its run checked anew."""
        gone = [worker for worker in self._workers.values() if worker.tenant == tenant]
        for worker in gone:
            worker.settled = False
            del self._workers[worker.run_id]
        return gone

    def make_room(self) -> None:
        """Forget idle states beyond the memory that they may take: their logs know them."""
        total = sum(worker.nbytes for worker in self._workers.values())
        for run_id, worker in list(self._workers.items())[:-1]:
            if total <= KEPT_STATE_BYTES and len(self._workers) <= KEPT_RUNS:
                break
            if not worker.busy:
                total -= worker.nbytes
                del self._workers[run_id]

    async def stop(self) -> None:
        await asyncio.gather(*(worker.stop() for worker in self._workers.values()))

    async def _made(self, tenant: str, run_id: str) -> RunWorker:
        """A worker that goes on behind what the database says has ended."""
        store, upheavals = self._workshop.store, self._upheavals.count
        run = await store.read(training_runs.any_status, tenant, run_id)
        await self._workshop.recorder.settle()
        last = await store.read(resumption.last_position, run_id)
        used_up = await store.read(resumption.ended_ahead, run_id, after=-1 if last is None else last)
        if upheavals != self._upheavals.count:  # what was read may be of before
            return await self.worker(tenant, run_id)
        if run_id in self._workers:  # another request has made it meanwhile
            return self._workers[run_id]
        # Clients of an earlier life of the server may be on their way back.
        clocks = self._workshop.clocks
        of_earlier_life = run.number is not None and run.number <= self._last_of_earlier_life
        held_until = clocks.began(tenant) + COMEBACK_SECONDS if of_earlier_life else 0.0
        next_seq = next_seq_after(last, run.skipped_to)
        queue = OrderedQueue(run_id, clocks.of(tenant), self._gap_seconds, next_seq, held_until)
        for seq_id in used_up:
            queue.consume(seq_id)
        worker = self._workers[run_id] = RunWorker(
            self._workshop, run_id, tenant, run.base_model, queue, -1 if last is None else last
        )
        self.make_room()
        return worker
