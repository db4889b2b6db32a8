"""Servers that are wrong about the order of operations, and about executing each once."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mock_server.domain import operations
from mock_server.domain.errors import Conflict
from mock_server.runtime.ordered_queue import OrderedQueue
from mock_server.runtime.runtime import Runtime
from tests.mutants.surgery import mutant, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable


@mutant(killed_by="")
def executes_on_arrival() -> None:
    """Executes operations as they arrive, not by seq_id: a batch whose first chunk comes last trains wrongly."""

    async def arrived(self: OrderedQueue, _: object) -> Any:
        return self._waiting.pop()[2] if self._waiting else None

    wrapped(OrderedQueue, "next", lambda _: arrived)
    wrapped(OrderedQueue, "too_late", lambda _: lambda *_: None)


@mutant(killed_by="")
def repeat_executed_again() -> None:
    """Executes a repeated submission a second time: the doubled step after a lost answer."""

    def again(submit: Callable[..., Any]) -> Callable[..., Any]:
        def submit_again(tx: Any, submission: Any, **options: Any) -> Any:
            accepted = submit(tx, submission, **options)
            return accepted if accepted.new else submit(tx, replace(submission, seq_id=None))

        return submit_again

    wrapped(operations, "submit", again)


@mutant(killed_by="")
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


@mutant(killed_by="")
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


@mutant(killed_by="")
def refusal_leaves_a_gap() -> None:
    """Waits for ever for the seq_id of a request that it refused itself."""

    async def forget(*_: object) -> None:
        return

    wrapped(Runtime, "refuse", lambda _: forget)

    def patient(init: Callable[..., Any]) -> Callable[..., Any]:
        def waits_for_ever(self: Any, run_id: str, clock: Any, _: float, *rest: Any, **more: Any) -> None:
            init(self, run_id, clock, 1e9, *rest, **more)

        return waits_for_ever

    wrapped(OrderedQueue, "__init__", patient)


@mutant(killed_by="")
def submission_waits_for_its_result() -> None:
    """Answers a submission only when it is executed, which deadlocks a client that sends its first chunk last."""

    def wait(submit: Callable[..., Any]) -> Callable[..., Any]:
        async def waits(self: Runtime, tenant: str, *args: Any) -> str:
            request_id: str = await submit(self, tenant, *args)
            await self.poll(tenant, request_id, 40)
            return request_id

        return waits

    wrapped(Runtime, "submit", wait)


@mutant(killed_by="")
def first_come_wins() -> None:
    """Fails whatever arrives out of order, as if it came too late."""

    def strict(put: Callable[..., Any]) -> Callable[..., Any]:
        def puts(self: OrderedQueue, operation: Any) -> None:
            self._consumed.update(range(self._next_seq, operation.seq_id or 0))
            put(self, operation)

        return puts

    wrapped(OrderedQueue, "put", strict)
