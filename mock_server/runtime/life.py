"""One life of the runtime: all that a server knows in its memory only, from a start to the end behind it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mock_server.domain import operations, resumption
from mock_server.runtime.board import Board, LiveOperation
from mock_server.runtime.completions import Completions
from mock_server.runtime.custom_losses import CustomLosses
from mock_server.runtime.executor import Executor
from mock_server.runtime.failures import failure
from mock_server.runtime.interference import interfered
from mock_server.runtime.janitor import Janitor
from mock_server.runtime.passing import ServerPassing
from mock_server.runtime.recorder import Recorder
from mock_server.runtime.run_registry import RunRegistry
from mock_server.runtime.sampler_keys import SamplerKeys
from mock_server.runtime.sampling import SamplingFloor
from mock_server.runtime.workshop import Workshop

if TYPE_CHECKING:
    from sqlalchemy import Row

    from mock_server.domain.catalogue import Catalogue
    from mock_server.domain.operations import Outcome
    from mock_server.runtime.clocks import Clocks
    from mock_server.runtime.dials import Dials
    from mock_server.runtime.timing import Timing
    from mock_server.runtime.upheavals import Upheavals
    from mock_server.store import Store


class Life:
    """The parts of a runtime, new. Lives on the event loop."""

    def __init__(
        self,
        store: Store,
        catalogue: Catalogue,
        clocks: Clocks,
        timing: Timing,
        dials: Dials,
        upheavals: Upheavals,
    ) -> None:
        self._store = store
        self._clocks = clocks
        self.executor = Executor()
        self.board = Board(clocks, dials)
        self.recorder = Recorder(store, self.board.stored)
        self.completions = Completions(store, self.recorder, self.board)
        self.board.on_reveal = self.completions.ended
        workshop = Workshop(
            store,
            self.board,
            self.recorder,
            self.executor,
            catalogue,
            CustomLosses(store),
            clocks,
            timing.snapshot_steps,
            timing.snapshot_bytes,
        )
        self.runs = RunRegistry(workshop, timing.gap_seconds, upheavals)
        self.samplers = SamplerKeys(store, catalogue, upheavals)
        self.floor = SamplingFloor(self.executor, catalogue, store, self.sample_ended)
        self._janitor = Janitor(
            store,
            clocks,
            self.recorder,
            self.board.expired,
            result_ttl=timing.result_ttl_seconds,
            session_timeout=timing.session_timeout_seconds,
        )
        self.passing = ServerPassing(self.board, self.runs, self.recorder, self._janitor)
        self._interfering: dict[LiveOperation, asyncio.Task[None]] = {}
        """Of samples that have ended and are not told yet."""

    async def begin(self) -> None:
        """Come to life, behind the end of the last."""
        self._janitor.start()
        await self.runs.begin()

    async def resume(self, tenant: str | None = None) -> None:
        """Take up what was left unfinished, by a tenant or by all, and is not under way yet."""
        for row in await self._store.read(resumption.unfinished):
            if tenant not in {None, row.tenant} or self.board.get(row.id) is not None:
                continue
            operation = self._live(row)
            self.board.put(operation)
            if row.kind == "sample":
                await self.resume_sample(operation)
            else:
                (await self.runs.worker(row.tenant, row.target)).put(operation)

    def release_polls(self) -> None:
        """Answer whoever waits: it is about to end."""
        self.board.close()
        self.completions.close()

    async def end(self, *, orderly: bool = True) -> None:
        """Stop working. What is unfinished stays in the log, for the next life.

        Not orderly is an end by kill: what ended and is not written down yet is unfinished as well.
        """
        self._janitor.stop()
        self.passing.end()
        await asyncio.gather(self.runs.stop(), self.floor.stop())
        await asyncio.gather(*self._interfering.values(), return_exceptions=True)
        if orderly:
            self.recorder.flush()
        else:
            self.recorder.forget()
        await asyncio.to_thread(self.executor.close)

    def sample_ended(self, operation: LiveOperation, outcome: Outcome) -> None:
        if operation.outcome is not None or operation in self._interfering:  # it ended otherwise in the meantime
            if outcome.result_file is not None:
                self._store.artifacts.remove(outcome.result_file.id)
            return
        self.recorder.add(outcome, self._clocks.now(operation.tenant))
        if operation.interference is not None and operation.interference.after:
            task = self._interfering[operation] = asyncio.create_task(self._end_interfered(operation, outcome))
            task.add_done_callback(lambda _: self._interfering.pop(operation))
        else:
            self.board.end(operation, outcome)

    async def _end_interfered(self, operation: LiveOperation, outcome: Outcome) -> None:
        told, settled = await interfered(operation, outcome, self.recorder)
        self.board.end(operation, told)
        if settled:
            self.board.stored([operation.id])

    async def resume_sample(self, operation: LiveOperation) -> None:
        try:
            operation.body = await self._store.read(operations.body, operation.id)
            key = await self.samplers.of(operation.tenant, operation.target)
        except Exception as error:  # noqa: BLE001 - a damaged file fails its sample, not the server's start
            self.sample_ended(operation, failure(operation.id, error))
        else:
            self.floor.put(key, operation)

    def _live(self, row: Row[Any]) -> LiveOperation:
        now = self._clocks.now(row.tenant)
        return LiveOperation(row.id, row.tenant, row.kind, row.target, row.seq_id, row.position, now)
