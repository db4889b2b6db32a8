"""Servers that are wrong about results: waiting for them, failing, and telling the same twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_server.domain import operations
from mock_server.domain.errors import NotFound
from mock_server.runtime.board import Pending
from mock_server.runtime.runtime import Runtime
from tests.mutants.surgery import Answer, answers, mutant, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable

FUTURE = "POST /retrieve_future"


@mutant(killed_by="not-ready-has-waited", during="gap-is-given-up")
def polls_not_held() -> None:
    """Answers every poll at once, so that clients spin."""

    def hurry(poll: Callable[..., Any]) -> Callable[..., Any]:
        async def polls(self: Runtime, tenant: str, operation_id: str, _: float) -> Any:
            return await poll(self, tenant, operation_id, 0)

        return polls

    wrapped(Runtime, "poll", hurry)


@answers(FUTURE, killed_by="unknown-loss-fails")
def failures_are_errors(answer: Answer) -> None:
    """Answers a poll for a failed operation with 500, which clients ask again for ever."""
    if "category" in answer.json:
        answer.status = 500


@answers(FUTURE, killed_by="")
def failure_without_category(answer: Answer) -> None:
    """Tells that an operation failed, and not whose fault it was."""
    answer.drop("category")


@answers(FUTURE, killed_by="")
def error_beside_success(answer: Answer) -> None:
    """Puts `error: null` beside every result, which clients take for a failure."""
    if answer.status == 200 and "error" not in answer.json and answer.json:
        answer.replace(error=None)


@answers(FUTURE, killed_by="result-says-its-type", during="run-is-made-once")
def result_without_type(answer: Answer) -> None:
    """Gives results without their `type`, on which Tinkex crashes."""
    answer.drop("type")


@answers(FUTURE, killed_by="")
def pending_without_a_word(answer: Answer) -> None:
    """Answers 408 with an empty body, which tells nobody why."""
    if answer.status == 408:
        answer.body = b""


@mutant(killed_by="")
def unknown_future_pending() -> None:
    """Says of a request id that it never gave out that its result is on its way, so that clients wait for ever."""

    def hope(poll: Callable[..., Any]) -> Callable[..., Any]:
        async def polls(*args: Any) -> Any:
            try:
                return await poll(*args)
            except NotFound:
                return Pending()

        return polls

    wrapped(Runtime, "poll", hope)


@mutant(killed_by="")
def result_told_once() -> None:
    """Forgets a result when it was fetched, though its answer may have been lost."""
    told: set[str] = set()

    def forget(poll: Callable[..., Any]) -> Callable[..., Any]:
        async def polls(self: Runtime, tenant: str, operation_id: str, seconds: float) -> Any:
            if operation_id in told:
                raise NotFound(operations.unknown(operation_id))
            outcome = await poll(self, tenant, operation_id, seconds)
            if not isinstance(outcome, Pending):
                told.add(operation_id)
            return outcome

        return polls

    wrapped(Runtime, "poll", forget)


@answers(FUTURE, killed_by="")
def wrong_form_of_failure(answer: Answer) -> None:
    """Tells a failure as FastAPI tells errors, which clients take for a result."""
    if "category" in answer.json:
        answer.json = {"detail": answer.json["error"]}


@answers("POST /retrieve_futures", killed_by="")
def feed_cursor_stuck(answer: Answer) -> None:
    """Never moves the cursor of a feed of results."""
    if answer.ok:
        answer.replace(cursor=0)


@answers("POST /retrieve_futures", killed_by="")
def feed_empty(answer: Answer) -> None:
    """Never tells a feed that something has ended."""
    if answer.ok:
        answer.replace(completions=[])
