"""Servers that are wrong about runs and their numbers, and only after something else has happened."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from mock_server.domain import operations, resumption, submissions, training_runs
from mock_server.domain.errors import Conflict, OperationFailed
from mock_server.domain.orders import OptimStepOrder
from mock_server.runtime.ordered_queue import OrderedQueue
from mock_server.runtime.run_worker import RunWorker
from mock_server.runtime.runtime import Runtime
from mock_server.toy_model import TrainingState
from tests.mutants.surgery import Answer, answers, mutant, replaced, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable

    from mock_server.domain.operations import Submission
    from mock_server.runtime.board import LiveOperation

STEP = OptimStepOrder(parameters={"learning_rate": 5e-3, "beta1": 0.9, "beta2": 0.95, "eps": 1e-12})


async def _perform_again(runtime: Runtime, submission: Submission) -> None:
    """Execute it once more behind everything else, whatever number it had."""
    again = replace(submission, seq_id=None)
    accepted = await runtime.store.write(operations.submit, again)
    await runtime._take_up(again, accepted, runtime._upheavals.count)


# Runs and their numbers.


@mutant(killed_by="sound-requests-succeed")
def batch_behind_a_save_fails() -> None:
    """Fails the first batch behind a save."""
    saved: set[str] = set()

    def fail(execute: Callable[..., Any]) -> Callable[..., Any]:
        async def executes(self: RunWorker, operation: LiveOperation) -> Any:
            if operation.kind == "forward_backward" and self.run_id in saved:
                saved.discard(self.run_id)
                raise OperationFailed("the run is busy")
            if operation.kind.startswith("save_weights"):
                saved.add(self.run_id)
            return await execute(self, operation)

        return executes

    wrapped(RunWorker, "_execute", fail)


@mutant(killed_by="equal-histories-equal-numbers")
def seed_of_the_moment() -> None:
    """Draws each adapter anew, though its seed was given."""

    def draw(create: Callable[..., Any]) -> Callable[..., Any]:
        def creates(tx: Any, tenant: str, new: Any, *rest: Any) -> Any:
            return create(tx, tenant, replace(new, adapter=replace(new.adapter, seed=None)), *rest)

        return creates

    wrapped(training_runs, "create", draw)


@mutant(killed_by="trained-differs-from-untrained")
def steps_without_effect() -> None:
    """Reports every step as made, and makes none."""

    def idle(step: Callable[..., Any]) -> Callable[..., Any]:
        def steps(state: TrainingState, params: Any) -> Any:
            return step(state, replace(params, learning_rate=0.0))

        return steps

    wrapped(TrainingState, "optim_step", idle)


@mutant(killed_by="repeats-count-once")
def late_repeat_counts_again() -> None:
    """Knows a repeat by its number and tells the first request id, and executes it again all the same."""

    def again(take_up: Callable[..., Any]) -> Callable[..., Any]:
        async def takes_up(self: Runtime, submission: Submission, accepted: Any, upheavals: int) -> None:
            await take_up(self, submission, accepted, upheavals)
            if not accepted.new and submission.seq_id is not None:
                await _perform_again(self, submission)

        return takes_up

    wrapped(Runtime, "_take_up", again)


@mutant(killed_by="repeat-gets-the-first-request-id")
def old_repeat_named_anew() -> None:
    """Knows a repeat only of the last submission of its run; an older one gets another request id."""
    last: dict[str, int | None] = {}
    known: set[tuple[str, int | None]] = set()
    counter = itertools.count()

    def rename(submit: Callable[..., Any]) -> Callable[..., Any]:
        async def renamed(self: Runtime, tenant: str, run_id: str, kind: str, seq_id: int | None, body: Any) -> str:
            request_id: str = await submit(self, tenant, run_id, kind, seq_id, body)
            old = (run_id, seq_id) in known and last[run_id] != seq_id
            known.add((run_id, seq_id))
            last[run_id] = seq_id
            return f"{request_id}.{next(counter)}" if old else request_id

        return renamed

    def recall(poll: Callable[..., Any]) -> Callable[..., Any]:
        async def recalled(self: Runtime, tenant: str, operation_id: str, seconds: float) -> Any:
            return await poll(self, tenant, operation_id.partition(".")[0], seconds)

        return recalled

    wrapped(Runtime, "submit", rename)
    wrapped(Runtime, "poll", recall)


@mutant(killed_by="concurrent-submissions-count-once")
def twins_both_counted() -> None:
    """Does not know a repeat that arrives within a second of the first submission: both count."""
    arrived: dict[tuple[str, int | None], float] = {}

    def race(submit: Callable[..., Any]) -> Callable[..., Any]:
        async def submits(self: Runtime, tenant: str, run_id: str, kind: str, seq_id: int | None, body: Any) -> str:
            twin = monotonic() - arrived.get((run_id, seq_id), 0.0) < 1
            arrived[run_id, seq_id] = monotonic()
            request_id: str = await submit(self, tenant, run_id, kind, seq_id, body)
            if twin:
                await _perform_again(self, operations.Submission(tenant, kind, run_id, seq_id, body))
            return request_id

        return submits

    wrapped(Runtime, "submit", race)


@mutant(killed_by="arrival-order-changes-nothing")
def late_one_goes_last() -> None:
    """Waits for a missing operation, and executes what waited before it."""
    arrivals = itertools.count()
    arrived: dict[str, int] = {}

    def note(put: Callable[..., Any]) -> Callable[..., Any]:
        def puts(self: OrderedQueue, operation: LiveOperation) -> None:
            arrived[operation.id] = next(arrivals)
            put(self, operation)

        return puts

    def by_arrival(following: Callable[..., Any]) -> Callable[..., Any]:
        async def follows(self: OrderedQueue, skip_to: Any) -> Any:
            operation = await following(self, skip_to)
            if operation is None or operation.seq_id is None or not self._waiting:
                return operation
            first = min(self._waiting, key=lambda waiting: arrived[waiting[1]])
            if arrived[first[1]] > arrived[operation.id]:
                return operation
            self._waiting.remove(first)
            self._waiting.append((operation.position, operation.id, operation))
            self._waiting.sort()
            return first[2]

        return follows

    wrapped(OrderedQueue, "put", note)
    wrapped(OrderedQueue, "next", by_arrival)
    wrapped(OrderedQueue, "too_late", lambda _: lambda *_: None)


@mutant(killed_by="poll-ahead-is-answered")
def early_poll_forgotten() -> None:
    """Forgets who polled before an operation's turn had come, until the poll is over."""

    def forget(poll: Callable[..., Any]) -> Callable[..., Any]:
        async def polls(self: Runtime, tenant: str, operation_id: str, seconds: float) -> Any:
            live = self.board.get(operation_id)
            if live is not None and live.outcome is None and live.seq_id is not None:
                queue = (await self._life.runs.worker(tenant, live.target)).queue
                waiting = {operation.seq_id for _, _, operation in queue._waiting}
                if not {*range(queue._next_seq, live.seq_id)} <= waiting:
                    await asyncio.sleep(seconds)
            return await poll(self, tenant, operation_id, seconds)

        return polls

    wrapped(Runtime, "poll", forget)


@mutant(killed_by="run-goes-on-behind-refusals")
def refused_step_is_made() -> None:
    """Refuses a step that it can't read, and makes one with its defaults in its place."""

    async def make(self: Runtime, tenant: str, run_id: str, seq_id: int, *_: Any) -> None:
        await self.submit(tenant, run_id, "optim_step", seq_id, STEP.to_body())

    replaced(Runtime, "refuse", make)


@mutant(killed_by="reused-number-changes-nothing")
def conflict_takes_effect() -> None:
    """Answers 409 to another request under a used number, and executes it."""

    def take(submit: Callable[..., Any]) -> Callable[..., Any]:
        async def takes(self: Runtime, tenant: str, run_id: str, kind: str, seq_id: int | None, body: Any) -> str:
            try:
                return str(await submit(self, tenant, run_id, kind, seq_id, body))
            except Conflict:
                await _perform_again(self, operations.Submission(tenant, kind, run_id, seq_id, body))
                raise

        return takes

    wrapped(Runtime, "submit", take)


@mutant(killed_by="failed-operation-changes-nothing")
def failure_drops_gradients() -> None:
    """Drops the gradients collected so far when a batch fails."""
    _gradients_dropped(lambda failed, _: failed)


@mutant(killed_by="forward-changes-nothing")
def forward_drops_gradients() -> None:
    """Drops the gradients collected so far for a forward pass."""
    _gradients_dropped(lambda _, forward_only: forward_only)


def _gradients_dropped(when: Callable[[bool, bool], bool]) -> None:
    def drop(run: Callable[..., Any]) -> Callable[..., Any]:
        def runs(state: TrainingState, *args: Any, forward_only: bool = False, **more: Any) -> Any:
            failed = True
            try:
                result = run(state, *args, forward_only=forward_only, **more)
                failed = False
            finally:
                if when(failed, forward_only):
                    state.gradient = None
            return result

        return runs

    wrapped(TrainingState, "forward_backward", drop)


_TOLD: set[bytes] = set()


@answers("POST /retrieve_future", killed_by="every-poll-is-told-the-same")
def metrics_told_once(answer: Answer) -> None:
    """Tells the metrics of a step only to who asks first."""
    if "metrics" in answer.json:
        if answer.asked in _TOLD:
            answer.replace(metrics={})
        _TOLD.add(answer.asked)


@mutant(killed_by="repeated-creation-makes-one-run")
def trained_run_made_again() -> None:
    """Knows a repeated create_model only until the run was trained; then it makes another."""

    def another(create: Callable[..., Any]) -> Callable[..., Any]:
        def creates(tx: Any, tenant: str, new: Any, *rest: Any) -> Any:
            run_id = f"{new.session_id}:train:{new.model_seq_id}"
            if resumption.last_position(tx, run_id):
                new = replace(new, model_seq_id=new.model_seq_id + 1000)
            return create(tx, tenant, new, *rest)

        return creates

    wrapped(submissions, "create_run", another)


@mutant(killed_by="repeats-count-once")
def repeated_load_loads_again() -> None:
    """Executes a repeated load again, so that what was trained since is lost."""

    def again(take_up: Callable[..., Any]) -> Callable[..., Any]:
        async def takes_up(self: Runtime, submission: Submission, accepted: Any, upheavals: int) -> None:
            await take_up(self, submission, accepted, upheavals)
            if not accepted.new and submission.seq_id is not None and submission.kind == "load_weights":
                await _perform_again(self, submission)

        return takes_up

    wrapped(Runtime, "_take_up", again)
