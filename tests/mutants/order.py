"""Servers that are wrong about the order of operations, and about executing each once."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mock_server.domain import operations
from mock_server.domain.errors import Conflict
from mock_server.runtime.ordered_queue import OrderedQueue
from mock_server.runtime.runtime import Runtime
from mock_server.toy_model import InvalidInput, TrainingState
from tests.mutants.surgery import mutant, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable


@mutant(killed_by="numbers-rule-not-arrival")
def executes_on_arrival() -> None:
    """Executes operations as they arrive, not by seq_id: a batch whose first chunk comes last trains wrongly."""

    async def arrived(self: OrderedQueue, _: object) -> Any:
        return self._waiting.pop()[2] if self._waiting else None

    wrapped(OrderedQueue, "next", lambda _: arrived)
    wrapped(OrderedQueue, "too_late", lambda _: lambda *_: None)


@mutant(killed_by="repeated-step-steps-once")
def repeat_executed_again() -> None:
    """Executes a repeated submission a second time: the doubled step after a lost answer."""

    def again(submit: Callable[..., Any]) -> Callable[..., Any]:
        def submit_again(tx: Any, submission: Any, **options: Any) -> Any:
            accepted = submit(tx, submission, **options)
            return accepted if accepted.new else submit(tx, replace(submission, seq_id=None))

        return submit_again

    wrapped(operations, "submit", again)


@mutant(killed_by="repetition-is-known-by-number")
def repeat_named_anew() -> None:
    """Executes a repeated submission once, but gives each attempt a request id of its own."""
    counter = itertools.count()

    def rename(submit: Callable[..., Any]) -> Callable[..., Any]:
        async def renamed(*args: Any) -> str:
            return f"{await submit(*args)}.{next(counter)}"

        return renamed

    def recall(poll: Callable[..., Any]) -> Callable[..., Any]:
        async def recalled(self: Runtime, tenant: str, operation_id: str, seconds: float) -> Any:
            return await poll(self, tenant, operation_id.partition(".")[0], seconds)

        return recalled

    wrapped(Runtime, "submit", rename)
    wrapped(Runtime, "poll", recall)


@mutant(killed_by=("used-number-is-a-conflict", "number-stands-for-one-thing"))
def other_content_accepted() -> None:
    """Takes another request under a seq_id that was used, and forgets it."""

    def forgive(submit: Callable[..., Any]) -> Callable[..., Any]:
        def forgiving(tx: Any, submission: Any, **options: Any) -> Any:
            try:
                return submit(tx, submission, **options)
            except Conflict:
                operation_id, position = operations._place(tx, submission, options.get("key"))
                return operations.Accepted(operation_id, position, new=False)

        return forgiving

    wrapped(operations, "submit", forgive)


@mutant(killed_by="refused-number-is-used-up")
def refusal_leaves_a_gap() -> None:
    """Waits for ever for the seq_id of a request that it refused itself."""

    async def forget(*_: object) -> None:
        return

    wrapped(Runtime, "refuse", lambda _: forget)

    _wait_for_ever()


@mutant(killed_by="gap-is-given-up")
def gap_waited_for() -> None:
    """Waits for ever for a seq_id that never came."""
    _wait_for_ever()


def _wait_for_ever() -> None:
    def patient(init: Callable[..., Any]) -> Callable[..., Any]:
        def waits_for_ever(self: Any, run_id: str, clock: Any, _: float, *rest: Any, **more: Any) -> None:
            init(self, run_id, clock, 1e9, *rest, **more)

        return waits_for_ever

    wrapped(OrderedQueue, "__init__", patient)


@mutant(killed_by="runs-do-not-wait-for-each-other")
def one_queue_for_all() -> None:
    """Lets all runs wait while one of them waits for a number."""
    turn = asyncio.Lock()

    def queue(following: Callable[..., Any]) -> Callable[..., Any]:
        async def queues(self: OrderedQueue, skip_to: Any) -> Any:
            async with turn:
                return await following(self, skip_to)

        return queues

    wrapped(OrderedQueue, "next", queue)


@mutant(killed_by="failure-leaves-the-run-alone")
def failure_takes_the_gradients() -> None:
    """Loses the gradients that were there when a batch fails."""

    def lose(run: Callable[..., Any]) -> Callable[..., Any]:
        def runs(state: TrainingState, *args: Any, **more: Any) -> Any:
            try:
                return run(state, *args, **more)
            except InvalidInput:
                state.gradient = None
                raise

        return runs

    wrapped(TrainingState, "forward_backward", lose)


@mutant(killed_by="submission-does-not-wait")
def submission_waits_for_its_result() -> None:
    """Answers a submission only when it is executed, which deadlocks a client that sends its first chunk last."""

    def wait(submit: Callable[..., Any]) -> Callable[..., Any]:
        async def waits(self: Runtime, tenant: str, *args: Any) -> str:
            request_id: str = await submit(self, tenant, *args)
            await self.poll(tenant, request_id, 40)
            return request_id

        return waits

    wrapped(Runtime, "submit", wait)


@mutant(killed_by="inversion-is-put-right")
def first_come_wins() -> None:
    """Fails whatever arrives out of order, as if it came too late."""

    def strict(put: Callable[..., Any]) -> Callable[..., Any]:
        def puts(self: OrderedQueue, operation: Any) -> None:
            self._consumed.update(range(self._next_seq, operation.seq_id or 0))
            put(self, operation)

        return puts

    wrapped(OrderedQueue, "put", strict)
