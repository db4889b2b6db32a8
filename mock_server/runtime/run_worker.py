"""One training run: its queue, its state in memory, and the way from each operation to its outcome.

The state is a cache. Truth is the log: the run's last snapshot plus the operations after it, which give the same
numbers whenever they are executed again.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Row

from mock_server.domain import ids, operations
from mock_server.domain.errors import OperationFailed
from mock_server.domain.ids import END_OF_POSITIONS
from mock_server.domain.operations import Body, Outcome
from mock_server.domain.orders import LoadOrder, SaveOrder
from mock_server.domain.paths import CheckpointKind, CheckpointPath, checkpoint_name
from mock_server.domain.usage import Account
from mock_server.runtime import training
from mock_server.runtime.board import LiveOperation
from mock_server.runtime.exports import sealed_export
from mock_server.runtime.failures import failure
from mock_server.runtime.interference import interfered
from mock_server.runtime.ordered_queue import OrderedQueue
from mock_server.runtime.replay import replayed
from mock_server.runtime.run_log import RunLog
from mock_server.runtime.workshop import Workshop
from mock_server.store import StorageUnavailable
from mock_server.store.artifacts import DamagedArtifact
from mock_server.toy_model import DamagedState, TrainingState

log = logging.getLogger(__name__)

SAVED_KINDS: dict[str, CheckpointKind] = {
    "save_weights": "weights",
    "save_weights_for_sampler": "sampler_weights",
    "save_weights_external": "external_weights",
}


class RunWorker:
    """Executes one run's operations, one at a time."""

    def __init__(
        self, workshop: Workshop, run_id: str, tenant: str, base_model: str, queue: OrderedQueue, position: int
    ) -> None:
        self.run_id = run_id
        self.tenant = tenant
        self.base_model = base_model
        self.settled = False
        """Whether the run is known to be usable, its prior fixed: what the first submission checks."""
        self.queue = queue
        self.position = position
        """Of the last operation that has ended, with all before it."""
        self.state: TrainingState | None = None
        self.turn = asyncio.Lock()
        """Held while an operation changes the run, and by whoever else must touch it between two of them."""
        self._shop = workshop
        self.log = RunLog(workshop.store, run_id, Account(tenant, ids.session_of(run_id), base_model))
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        return self._task is not None or self.turn.locked()

    @property
    def nbytes(self) -> int:
        """What its state takes in memory."""
        return 0 if self.state is None else self.state.nbytes

    def put(self, operation: LiveOperation) -> None:
        self.queue.put(operation)
        if self._task is None:
            self._task = asyncio.create_task(self._work())

    # For who holds the run's turn.

    async def take(self) -> TrainingState:
        """The run's state, as its last operation left it: from memory, or from its last snapshot and the log behind it.

        A snapshot that can't be read is the run's end: it is marked, so that whoever watches it restores a new one.
        """
        if self.state is None:
            try:
                self.state = await self.replayed()
            except (DamagedArtifact, DamagedState) as error:
                log.warning("training run %s is corrupted: %s", self.run_id, error)
                self.settled = False
                await self._shop.store.write(self.log.corrupted)
                message = f"training run {self.run_id!r} is corrupted: restore a new run from its last checkpoint"
                raise OperationFailed(message) from error
        return self.state

    async def logged(self) -> tuple[int, Sequence[Row[Any]]]:
        """The position of the run's snapshot, and the ended operations behind it that changed its state, in order."""
        await self._shop.recorder.settle()
        position = (await self._shop.store.read(self.log.run)).snapshot_position
        return position, self.log.since(position)

    async def change(self, how: Callable[[TrainingState], None]) -> None:
        """Let the run go on from what this does to a copy of its state, on the executor's thread."""
        changed = (await self.take()).copy()
        await self._shop.executor.run(partial(how, changed))
        await self.keep(changed)

    async def keep(self, state: TrainingState) -> None:
        """Let the run go on from this state, which becomes its snapshot."""
        store = self._shop.store
        file = await self._shop.executor.run(lambda: store.artifacts.write(state.dump(gradients=True)))
        self._shop.recorder.flush()
        try:
            await store.write(self.log.snapshot_taken, file, self.position)
        except Exception:
            store.artifacts.remove(file.id)
            raise
        self._shop.recorder.touch(self.run_id, state.optimizer_steps, self._shop.clocks.now(self.tenant))
        self.log.reset()
        self.state = state

    async def replayed(self, through: int = END_OF_POSITIONS) -> TrainingState:
        """The run's state as of a position in its log, executed anew from its snapshot on."""
        return await replayed(self._shop, self.log, self.tenant, through)

    async def stop(self) -> None:
        """Stop between two operations; what is left is in the log."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        async with self.turn:  # whoever has it beside the operations
            pass

    async def _work(self) -> None:
        try:
            while (operation := await self.queue.next(self._skip_to)) is not None:
                async with self.turn:
                    await self._perform(operation)
        finally:
            self._task = None

    async def _skip_to(self, operation: LiveOperation) -> None:
        await self._shop.store.write(operations.skip_to, self.run_id, operation.position)

    async def _perform(self, operation: LiveOperation) -> None:
        """Bring one operation to its end. Whatever happens, it has an outcome and the run goes on."""
        outcome = self.queue.too_late(operation)
        recorded = False
        if outcome is None:
            try:
                outcome, recorded = await self._execute(operation)
            except Exception as error:  # noqa: BLE001 - becomes the operation's outcome; failure() tells bugs apart
                outcome = failure(operation.id, error)
                recorded = await self._fail(operation, outcome)
        self.queue.done(operation)
        self.position = max(self.position, operation.position)
        if not recorded:
            self._shop.recorder.add(outcome, self._shop.clocks.now(self.tenant))
        told, settled = await interfered(operation, outcome, self._shop.recorder)
        self._shop.board.end(operation, told)
        if recorded or settled:
            self._shop.board.stored([operation.id])
        elif self.state is not None and self.log.due(self._shop.snapshot_steps, self._shop.snapshot_bytes):
            await self._snapshot(self.state, operation.position)

    async def _fail(self, operation: LiveOperation, outcome: Outcome) -> bool:
        """Deal with a failure; returns whether it is in the database already.

        One that might not repeat itself is written down before it is told, or a restarted server could say otherwise:
        our own mistakes, and whatever depends on more than the run's state.
        """
        if outcome.error_category == "server":
            self.state = None  # half-done work must not be built upon: the log knows better
        elif operation.kind in training.KINDS and operation.interference is None:
            return False
        rule = self.log.creation_failed if operation.kind in {"create_model", "load_weights"} else self.log.failed
        try:
            await self._shop.store.write(rule, outcome)
        except Exception as error:
            # Told all the same, since waiting for a disk helps nobody.
            ours = None if isinstance(error, StorageUnavailable) else error
            log.warning("the failure of operation %s is not stored yet: %s", operation.id, error, exc_info=ours)
            self._shop.store.write_later(rule, outcome)
            return False
        return True

    async def _execute(self, operation: LiveOperation) -> tuple[Outcome, bool]:
        """The operation's outcome, and whether it is in the database already."""
        if operation.interference is not None:
            await operation.interference.begin(operation)
        if operation.body is None:
            operation.body = self.log.body(operation.id)
        match operation.kind:
            case "create_model":
                return await self._shop.store.write(self.log.created, operation.id), True
            case "unload_model":
                self.state = None
                self.settled = False
                return await self._shop.store.write(self.log.unloaded, operation.id, operation.position), True
            case "save_weights" | "save_weights_for_sampler" | "save_weights_external":
                return await self._save(operation, SaveOrder.model_validate_json(operation.body.content)), True
            case "load_weights":
                return await self._load(operation, LoadOrder.model_validate_json(operation.body.content)), True
            case _:
                return await self._train(operation, operation.body), False

    async def _train(self, operation: LiveOperation, body: Body) -> Outcome:
        state = await self.take()
        prepare = self._shop.losses.of_run(self.tenant, self.run_id)
        outcome = await self._shop.executor.run(
            partial(self.log.apply, state, operation.kind, body, operation.id, prepare)
        )
        self.log.advanced(operation.kind, len(body.content))
        self._shop.recorder.touch(self.run_id, state.optimizer_steps, self._shop.clocks.now(self.tenant))
        return outcome

    async def _snapshot(self, state: TrainingState, position: int) -> None:
        """Store the whole state, so that the log may begin behind it. A full disk only postpones that.

        Its outcomes go first: an operation that the snapshot holds must never look unfinished, or it would run twice.
        """
        self.log.reset()
        try:
            file = await self._shop.executor.run(lambda: self._shop.store.artifacts.write(state.dump(gradients=True)))
        except StorageUnavailable as error:
            log.warning("no snapshot of training run %s: %s", self.run_id, error)
            return
        except Exception:
            log.exception("no snapshot of training run %s", self.run_id)
            return
        self._shop.recorder.flush()
        self._shop.store.write_later(self.log.snapshot_taken, file, position)

    async def _save(self, operation: LiveOperation, order: SaveOrder) -> Outcome:
        kind = SAVED_KINDS[operation.kind]
        path = None if order.name is None else CheckpointPath(self.run_id, kind, checkpoint_name(order.name))
        state = await self.take()
        whole = operation.kind == "save_weights"
        if order.age_recipients:
            dump = partial(sealed_export, state, self._shop.catalogue[self.base_model], order.age_recipients)
        else:
            dump = partial(state.dump, gradients=False, optimizer=whole)
        file = await self._shop.executor.run(lambda: self._shop.store.artifacts.write(dump()))
        self._shop.recorder.flush()
        # A checkpoint with nothing pending beside it is a snapshot too: the log can begin behind it.
        restart = operation.position if whole and not state.has_gradients else None
        try:
            outcome = await self._shop.store.write(self.log.saved, operation.id, path, order, file, restart)
        except Exception:
            self._shop.store.artifacts.remove(file.id)
            raise
        if restart is not None:
            self.log.reset()
        return outcome

    async def _load(self, operation: LiveOperation, order: LoadOrder) -> Outcome:
        store = self._shop.store
        path = CheckpointPath.parse(order.path)
        run, checkpoint, content = await store.read(self.log.checkpoint_to_load, self.tenant, path, order.reader)
        state = await self._shop.executor.run(
            partial(training.restore, checkpoint, content, run, optimizer=order.optimizer)
        )
        self._shop.recorder.flush()
        outcome = await store.write(
            self.log.loaded, operation.id, order, checkpoint, operation.position, state.optimizer_steps
        )
        self.state = state
        self.log.reset()
        return outcome
