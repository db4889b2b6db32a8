"""The runtime: takes operations in, brings them to their end, and tells who asks."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar

from mock_server.domain import accounts, custom_losses, operations, submissions, tenant_rows
from mock_server.domain.catalogue import Catalogue
from mock_server.domain.clocks import EVERYBODY
from mock_server.domain.dials import Dial
from mock_server.domain.errors import Gone, Invalid, NotFound
from mock_server.domain.ids import sequence_id
from mock_server.domain.operations import Accepted, Body, Outcome, Submission
from mock_server.domain.orders import CreateCustomLossOrder, LoadOrder, Order, SampleOrder
from mock_server.domain.tokenizers import tokenizer_size
from mock_server.domain.training_runs import ADAMW, NewRun
from mock_server.runtime.board import Board, LiveOperation, Pending
from mock_server.runtime.clocks import Clocks
from mock_server.runtime.completions import Completions
from mock_server.runtime.custom_losses import CREATE_CUSTOM_LOSS, problem_of
from mock_server.runtime.dials import Dials
from mock_server.runtime.intake import Intake
from mock_server.runtime.interference import INTERFERENCE
from mock_server.runtime.life import Life
from mock_server.runtime.run_worker import RunWorker
from mock_server.runtime.timing import Timing
from mock_server.runtime.upheavals import Upheavals
from mock_server.store import StorageUnavailable, Store, Transaction

P = ParamSpec("P")
T = TypeVar("T")


class Runtime:
    """Operations in flight. Lives on the event loop; one per server."""

    def __init__(
        self, store: Store, catalogue: Catalogue, clocks: Clocks, timing: Timing, dials: Mapping[str, Dial]
    ) -> None:
        self.store = store
        self.catalogue = catalogue
        self.clocks = clocks
        self.timing = timing
        self.deleted_keys: set[str] = set()
        """Tenants whose keys are refused; in memory, since every request asks."""
        self.dials = Dials(dials)
        """They stay as they were turned through every life of the server: whoever turned them would turn them again."""
        self._upheavals = Upheavals()
        self._intake = Intake(store, timing.inline_bytes)
        self._life = self._new_life()

    @property
    def board(self) -> Board:
        return self._life.board

    @property
    def completions(self) -> Completions:
        return self._life.completions

    # Life.

    async def start(self) -> None:
        """Take up what the last life of the server left unfinished."""
        await self.clocks.begin(self.store, self._life.passing)
        self.deleted_keys.update(await self.store.read(accounts.deleted_keys))
        await self._life.begin()
        await self._life.resume()

    def release_polls(self) -> None:
        """Answer whoever waits: the server is about to stop."""
        self._life.release_polls()

    async def stop(self) -> None:
        """Stop working. What is unfinished stays in the log, for the next start."""
        await self.clocks.stop()
        await self._life.end()

    async def restart(self, *, orderly: bool) -> None:
        """Forget all that is in memory only and take up the log again, as a new process would on the same store.

        Not orderly: as behind a kill. Requests wait until that is done.
        """
        async with self._upheavals.of(EVERYBODY):
            ended, self._life = self._life, self._new_life()
            ended.release_polls()
            await ended.end(orderly=orderly)
            await self.store.write(lambda _: None)  # behind what it wrote last
            self.clocks.resume(self._life.passing)
            await self._life.begin()
        await self._life.resume()

    def _new_life(self) -> Life:
        return Life(self.store, self.catalogue, self.clocks, self.timing, self.dials, self._upheavals)

    # Submitting.

    async def create_run(self, tenant: str, new: NewRun, order: Order, kind: str) -> tuple[str, str]:
        """Begin a run; returns its id and the request id of its creation."""
        body, upheavals = order.to_body(), self._upheavals.count
        run, accepted, anew = await self.store.write(submissions.create_run, tenant, new, kind, body, self.store.seed)
        if anew:
            self._life.runs.forget(run.id)  # left by an attempt that failed, perhaps to create a run of another model
        await self._take_up(Submission(tenant, kind, run.id, None, body), accepted, upheavals)
        return run.id, accepted.id

    async def load_new_run(
        self,
        tenant: str,
        session_id: str,
        model_seq_id: int,
        order: LoadOrder,
        base_model: str | None,
        user_metadata: dict[str, Any],
    ) -> tuple[str, str]:
        """Begin a run from a checkpoint; returns its id and the request id of its creation.

        Restored moments belong to the checkpoint's optimizer; bare weights can go on under any, by default Adam.
        """
        optimizer = None if order.optimizer else order.optimizer_config or ADAMW
        new = await self.store.read(
            submissions.run_from_checkpoint,
            tenant,
            session_id,
            model_seq_id,
            order.path,
            user_metadata,
            order.reader,
            optimizer,
        )
        if base_model not in {None, new.base_model}:
            raise Invalid(
                f"base_model is {base_model!r}, but {order.path} was trained from {new.base_model!r}: "
                "leave base_model out"
            )
        return await self.create_run(tenant, new, order, "load_weights")

    async def submit(self, tenant: str, run_id: str, kind: str, seq_id: int | None, body: Body) -> str:
        """Queue an operation of a run; returns its request id at once, whatever its place in the order."""
        worker = await self._life.runs.worker(tenant, run_id)
        try:
            submission = Submission(tenant, kind, run_id, seq_id, await self._intake.spilled(body))
            upheavals = self._upheavals.count
            if worker.settled:
                accepted = await self._intake.write_down(operations.submit, submission)
            else:
                size = tokenizer_size(self.catalogue[worker.base_model])
                accepted = await self._intake.write_down(submissions.first_to_run, submission, size)
                worker.settled = True
        except StorageUnavailable:
            worker.queue.hold()
            raise
        await self._take_up(submission, accepted, upheavals)
        return accepted.id

    async def refuse(self, tenant: str, run_id: str, seq_id: int, body: Body, message: str) -> None:
        """A request that was answered with an error has used up its seq_id: the run must not wait for it."""
        await self._life.runs.worker(tenant, run_id)
        await self.store.write(operations.consume, Submission(tenant, "refused", run_id, seq_id, body), message)
        (await self._life.runs.worker(tenant, run_id)).queue.consume(seq_id)

    async def sample(self, tenant: str, sampler_id: str, seq_id: int, order: SampleOrder) -> tuple[str, list[str]]:
        """Queue a sample; returns its request id and the ids of its sequences."""
        body = await self._intake.spilled(order.to_body())
        try:
            # Last before it is written down, which must not happen for a sampler that is gone meanwhile.
            key = await self._life.samplers.of(tenant, sampler_id)
        except Exception:
            self._intake.drop(body)
            raise
        submission, upheavals = Submission(tenant, "sample", sampler_id, seq_id, body), self._upheavals.count
        accepted = await self._intake.write_down(operations.submit, submission)
        if not self._is_under_way(accepted, upheavals):
            operation = self._live_of(submission, accepted)
            self.board.put(operation)
            if upheavals == self._upheavals.count:
                self._life.floor.put(key, operation)
            else:
                await self._life.resume_sample(operation)
        return accepted.id, [sequence_id(accepted.id, index) for index in range(order.num_samples)]

    async def create_custom_loss(self, tenant: str, session_id: str, number: int, order: CreateCustomLossOrder) -> str:
        """Take in a loss function; returns the request id. Its result is known at once: there is nothing to compute."""
        problem = await asyncio.to_thread(problem_of, order)
        body = await self._intake.spilled(order.to_body())
        submission = Submission(tenant, CREATE_CUSTOM_LOSS, session_id, None, body)
        accepted = await self._intake.write_down(custom_losses.create, submission, number, order, problem)
        if accepted.new:
            operation = self._live_of(submission, accepted)
            self.board.put(operation)
            self.board.end(operation, custom_losses.outcome(accepted.id, session_id, number, problem))
            self.board.stored([accepted.id])
        return accepted.id

    # Asking.

    async def poll(self, tenant: str, operation_id: str, seconds: float) -> Outcome | Pending:
        """The operation's outcome, or that it is pending still after so many seconds."""
        operation = self.board.get(operation_id)
        if operation is None:
            row = await self.store.read(operations.found, tenant, operation_id)
            if row.state != "queued":
                return await self.store.read(operations.outcome, row)
            operation = self.board.get(operation_id)
            if operation is None:  # accepted a moment ago; the next poll finds it
                return Pending()
        if operation.tenant != tenant:
            raise NotFound(operations.unknown(operation_id))
        found = await self.board.wait(operation, seconds)
        if isinstance(found, Outcome) and found.state == "expired":
            raise Gone(operations.expired(operation_id))
        return found

    @asynccontextmanager
    async def at_rest(self, tenant: str, run_id: str) -> AsyncIterator[RunWorker]:
        """A run between two of its operations, for who must touch it beside them. NotFound for somebody else's."""
        worker = await self._life.runs.worker(tenant, run_id)
        async with worker.turn:
            yield worker

    async def in_turn(self, tenant: str, run_id: str) -> RunWorker:
        """The same for who is called in the turn of an operation of the run."""
        return await self._life.runs.worker(tenant, run_id)

    async def settle(self) -> None:
        """Return when everything that has ended so far can be read in the database."""
        await self._life.recorder.settle()

    def beat(self, tenant: str, session_id: str) -> None:
        """A heartbeat of a session of the tenant's; written down with the next batch of outcomes."""
        self._life.recorder.beat(session_id, self.clocks.now(tenant))

    async def delete_key(self, tenant: str) -> None:
        """Refuse the tenant's key from now on."""
        await self.store.write(accounts.delete_key, tenant)
        self.deleted_keys.add(tenant)

    async def cancel(self, tenant: str, operation_id: str) -> None:
        """Stop a sample that nobody wants any more. What has ended stays as it ended."""
        operation = self.board.get(operation_id)
        if operation is None or operation.tenant != tenant:
            await self.store.read(operations.found, tenant, operation_id)
            return
        if operation.kind != "sample":
            raise Invalid(f"request_id {operation_id!r} is a {operation.kind}: only samples can be cancelled")
        if operation.outcome is None:
            self._life.floor.cancel(operation)
            self._life.sample_ended(
                operation, Outcome(operation_id, "cancelled", error="cancelled by its client", error_category="user")
            )

    # Replacing.

    async def replace(
        self, tenant: str, rule: Callable[Concatenate[Transaction, str, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Let the rule exchange all that the tenant has; its clients' requests wait until that is done.

        Nothing of before is left in memory: nobody hears of what was under way. What is unfinished afterwards is taken
        up, as at a start.
        """
        async with self._upheavals.of(tenant):
            sessions = await self.store.read(tenant_rows.session_ids, tenant)
            self._life.samplers.forget(tenant)
            self.completions.forget(sessions)
            workers = self._life.runs.forget_all(tenant)
            for operation in self.board.forget(tenant):
                if operation.outcome is None and operation.kind == "sample":
                    self._life.floor.cancel(operation)
                    operation.outcome = Outcome(operation.id, "cancelled")
            await asyncio.gather(*(worker.stop() for worker in workers))
            self._life.recorder.flush()
            result = await self.store.write(rule, tenant, *args, **kwargs)
            self.deleted_keys = set(await self.store.read(accounts.deleted_keys))
        await self._life.resume(tenant)
        return result

    # Within.

    async def _take_up(self, submission: Submission, accepted: Accepted, upheavals: int) -> None:
        """Queue an accepted operation of a run. upheavals: their count when it was about to be accepted."""
        worker = await self._life.runs.worker(submission.tenant, submission.target)
        if self._is_under_way(accepted, upheavals):
            return
        if worker.state is None:
            self._life.runs.make_room()
        operation = self._live_of(submission, accepted)
        self.board.put(operation)
        worker.put(operation)

    def _is_under_way(self, accepted: Accepted, upheavals: int) -> bool:
        """Whether nothing is to be done for it: it is under way, has ended, or was swept away by an upheaval.

        One that was accepted before is in no queue if the disk was full when its first attempt came this far.
        """
        if accepted.new and upheavals == self._upheavals.count:
            return False
        return self.board.get(accepted.id) is not None or not self.store.read_now(operations.is_queued, accepted.id)

    def _live_of(self, submission: Submission, accepted: Accepted) -> LiveOperation:
        return LiveOperation(
            accepted.id,
            submission.tenant,
            submission.kind,
            submission.target,
            submission.seq_id,
            accepted.position,
            self.clocks.now(submission.tenant),
            submission.body,
            interference=INTERFERENCE.get(),
        )
