"""Servers that are wrong about results: waiting for them, failing, and telling the same twice."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from mock_server.api.tinker import forms
from mock_server.domain import operations
from mock_server.domain.errors import NotFound
from mock_server.runtime.board import Pending
from mock_server.runtime.completions import Completions
from mock_server.runtime.runtime import Runtime
from tests.mutants.surgery import REWRITERS, Answer, Rewriter, answers, mutant, replaced, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable

FUTURE = "POST /retrieve_future"


@mutant(killed_by="not-ready-has-waited", during="gap-is-given-up")
def polls_not_held() -> None:
    """Answers every poll at once, so that clients spin."""
    _held(0)


def _held(longest: float) -> None:
    """Hold no poll longer than so many seconds."""

    def hurry(poll: Callable[..., Any]) -> Callable[..., Any]:
        async def polls(self: Runtime, tenant: str, operation_id: str, seconds: float) -> Any:
            return await poll(self, tenant, operation_id, min(longest, seconds))

        return polls

    wrapped(Runtime, "poll", hurry)


@answers(FUTURE, killed_by="failure-is-an-answer")
def failures_are_errors(answer: Answer) -> None:
    """Answers a poll for a failed operation with 500, which clients ask again for ever."""
    if "category" in answer.json:
        answer.status = 500


@answers(FUTURE, killed_by=("users-mistakes-are-theirs", "failure-names-category"))
def failure_without_category(answer: Answer) -> None:
    """Tells that an operation failed, and not whose fault it was."""
    answer.drop("category")


@answers(FUTURE, killed_by="success-holds-no-error")
def error_beside_success(answer: Answer) -> None:
    """Puts `error: null` beside every result, which clients take for a failure."""
    if answer.status == 200 and "error" not in answer.json and answer.json:
        answer.replace(error=None)


@answers(FUTURE, killed_by="result-says-its-type", during="run-is-made-once")
def result_without_type(answer: Answer) -> None:
    """Gives results without their `type`, on which Tinkex crashes."""
    answer.drop("type")


@mutant(killed_by="error-has-a-body", during="gap-is-given-up")
def pending_without_a_word() -> None:
    """Answers 408 with an empty body, which tells nobody why."""
    _held(1.5)
    silenced = re.compile("(/api/v1)?/retrieve_future")
    REWRITERS.append(Rewriter(re.compile("POST"), silenced, _silence))


def _silence(answer: Answer) -> None:
    if answer.status == 408:
        answer.body = b""


@mutant(killed_by="waiting-poll-is-woken")
def nobody_is_woken() -> None:
    """Lets a poll look for the result when it comes, and when its time is over, but not in between."""

    def look_twice(poll: Callable[..., Any]) -> Callable[..., Any]:
        async def polls(self: Runtime, tenant: str, operation_id: str, _: float) -> Any:
            outcome = await poll(self, tenant, operation_id, 0)
            if isinstance(outcome, Pending):
                await asyncio.sleep(10)
                outcome = await poll(self, tenant, operation_id, 0)
            return outcome

        return polls

    wrapped(Runtime, "poll", look_twice)


@mutant(killed_by="unknown-result-is-refused-at-once")
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


@mutant(killed_by="all-who-wait-are-told")
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


@answers(FUTURE, killed_by="failure-is-an-answer")
def wrong_form_of_failure(answer: Answer) -> None:
    """Tells a failure as FastAPI tells errors, which clients take for a result."""
    if "category" in answer.json:
        answer.json = {"detail": answer.json["error"]}


@answers("POST /retrieve_futures", killed_by=("completions-are-told-once", "cursor-advances"))
def feed_cursor_stuck(answer: Answer) -> None:
    """Never moves the cursor of a feed of results."""
    if answer.ok:
        answer.replace(cursor=0)


@answers("POST /retrieve_futures", killed_by="completions-are-told-once")
def feed_empty(answer: Answer) -> None:
    """Never tells a feed that something has ended."""
    if answer.ok:
        answer.replace(completions=[])


@answers("POST /retrieve_futures", killed_by=("completions-are-told-once", "completions-are-true"))
def feed_swaps_endings(answer: Answer) -> None:
    """Tells a feed of failures what succeeded."""
    if answer.ok:
        answer.replace(completions=[{**each, "state": "failed"} for each in answer.json["completions"]])


@mutant(killed_by="acknowledgement-does-not-wait")
def acknowledgement_waits() -> None:
    """Waits for a first completion although it was told not to."""

    def wait(poll: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, seconds, **more: poll(*args, seconds=max(seconds, 6), **more)

    wrapped(Completions, "poll", wait)


@answers("POST /cancel_future", killed_by="given-up-sample-is-cancelled")
def cancelled_too_late(answer: Answer) -> None:
    """Refuses to cancel what has ended, as if its client could have known."""
    if answer.asked in _CANCELLED:
        answer.refuse(404, "it has ended")
    _CANCELLED.add(answer.asked)


_CANCELLED: set[bytes] = set()


@mutant(killed_by="results-are-json-where-asked")
def protobuf_for_all() -> None:
    """Answers results with tensors in protobuf to who can't read it."""
    replaced(forms, "takes_protobuf", lambda _: True)


@mutant(killed_by=("protobuf-says-what-json-says", "tensors-are-protobuf"))
def json_for_all() -> None:
    """Answers results with tensors in JSON to SDKs that take protobuf only."""
    replaced(forms, "takes_protobuf", lambda _: False)
