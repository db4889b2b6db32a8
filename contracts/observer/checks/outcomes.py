"""What polls are told: one end, once and for all."""

from __future__ import annotations

from typing import Any, Final

from contracts.observer.case import HOLDS, Broken, Case, Found, observed, unless
from contracts.observer.facts import JSON
from contracts.observer.routes import SAVES, TENSORS

_POLL: Final = {"retrieve_future"}
_QUEUE_STATES: Final = {"active", "paused_capacity", "paused_rate_limit"}


@observed("one-outcome", "POLL-ONE-END", on=_POLL, of_answers=True)
def one_outcome(case: Case) -> Found:
    """No operation is told to have both failed and succeeded."""
    if case.facts.ending not in {"succeeded", "failed"}:
        return None
    before = case.history.outcome(case.facts)
    if before.ending is None:
        return HOLDS
    return unless(
        before.ending == case.facts.ending, f"{case.facts.ending} now, {before.ending} before", before.exchange
    )


@observed("result-never-changes", "POLL-AGAIN", on=_POLL, of_answers=True)
def result_never_changes(case: Case) -> Found:
    """A final result stays the same for whoever asks again."""
    if case.facts.ending not in {"succeeded", "failed"} or not case.response.whole:
        return None
    before = case.history.outcome(case.facts)
    result = before.results.get(case.response.media_type)
    return unless(result in {None, case.facts.result}, "another result than before", before.exchange)


@observed("final-stays-final", "POLL-NO-RETURN", on=_POLL, of_answers=True)
def final_stays_final(case: Case) -> Found:
    """An operation whose end was told is never "not ready" again."""
    before = case.history.outcome(case.facts)
    if before.exchange is None or case.facts.ending is None:
        return None
    # A poll that was under way before may be answered later.
    meanwhile = case.facts.timed and case.exchange.started < before.exchange.ended
    ok = case.facts.ending != "waiting" or meanwhile
    return unless(ok, f"not ready, but it had {before.ending} before", before.exchange)


@observed("not-ready-has-waited", "POLL-LONG", on=_POLL, of_answers=True)
def not_ready_has_waited(case: Case) -> Found:
    """retrieve_future waits at least a second before it says that the result is not there."""
    if case.facts.ending != "waiting" or not case.facts.timed:
        return None
    seconds = case.exchange.ended - case.exchange.started
    return unless(seconds >= 1, f"not ready after {seconds:.2f} s: clients ask again at once")


@observed("poll-ends-in-time", "POLL-45", on=_POLL, of_answers=True)
def poll_ends_in_time(case: Case) -> Found:
    """A long poll is answered within 45 seconds."""
    if not case.facts.timed:
        return None
    seconds = case.exchange.ended - case.exchange.started
    return unless(seconds < 45, f"answered after {seconds:.0f} s, when the client has given up")


_RESULTS: Final[dict[str, frozenset[str]]] = {
    "optim_step": frozenset({"metrics", "type"}),
    "create_model": frozenset({"model_id"}),
    "load_weights": frozenset({"path", "model_id", "type"}),
    "asample": frozenset({"sequences"}),
} | dict.fromkeys(SAVES, frozenset({"path", "sampling_session_id"}))
"""What a result has at least one of."""


@observed("poll-answer-has-a-form", "POLL-FORM", on=_POLL, of_answers=True)
def poll_answer_has_a_form(case: Case) -> Found:
    """A 200 of retrieve_future has a form that clients tell apart."""
    facts = case.facts
    if facts.status != 200 or not case.response.whole:
        return None
    if facts.answers_protobuf or facts.ending in {"metadata", "failed"} or facts.answer.get("type") == "try_again":
        return HOLDS
    if not facts.answer:
        return Broken("200 with neither protobuf nor a JSON object that says anything")
    if facts.answer.get("status") in {"pending", "completed"}:
        return Broken(f"status {facts.answer['status']!r}, which only one client knows")
    submission = case.history.polled(facts)
    needed = _RESULTS.get(submission.operation) if submission is not None else None
    if needed is None:
        return HOLDS
    return unless(
        bool(needed & facts.answer.keys()), f"a result of {polled_operation(case)} without any of {sorted(needed)}"
    )


def polled_operation(case: Case) -> str:
    """The operation that a poll asks for."""
    submission = case.history.polled(case.facts)
    return "" if submission is None else submission.operation


@observed("result-says-its-type", "POLL-TYPE", on=_POLL, of_answers=True)
def result_says_its_type(case: Case) -> Found:
    """A JSON result says its type."""
    if case.facts.ending != "succeeded" or case.facts.answers_protobuf:
        return None
    return unless(bool({"type", "loss_fn_output_type"} & case.facts.answer.keys()), "a result without type")


@observed("try-again-says-queue-state", "POLL-TRY-AGAIN", on=_POLL, of_answers=True)
def try_again_says_queue_state(case: Case) -> Found:
    """An answer "not ready" carries request_id and a queue_state that clients know."""
    if case.facts.answer.get("type") != "try_again":
        return None
    state, request_id = case.facts.answer.get("queue_state"), case.facts.answer.get("request_id")
    if request_id != case.facts.request_id:
        return Broken(f"request_id {request_id!r} to a poll of {case.facts.request_id!r}")
    return unless(state in _QUEUE_STATES, f"queue_state {state!r}")


@observed("tensors-are-protobuf", "POLL-PROTO", on=_POLL, of_answers=True)
def tensors_are_protobuf(case: Case) -> Found:
    """Results with tensors are protobuf where the request accepts it."""
    if case.facts.ending != "succeeded" or not case.facts.accepts_protobuf or polled_operation(case) not in TENSORS:
        return None
    return unless(case.facts.answers_protobuf, "a result with tensors in JSON, which SDKs since 0.25 refuse")


@observed("failures-are-json", "POLL-PROTO-ONLY-RESULTS", on=_POLL, of_answers=True)
def failures_are_json(case: Case) -> Found:
    """Whatever is no result stays JSON, also where protobuf is accepted."""
    if case.response.status == 200 or not case.response.body:
        return None
    return unless(case.response.media_type == JSON, f"{case.response.status} of type {case.response.media_type}")


@observed("metadata-only-when-allowed", "POLL-METADATA", on=_POLL, of_answers=True)
def metadata_only_when_allowed(case: Case) -> Found:
    """complete_metadata answers only a request that allows it."""
    if case.facts.ending != "metadata":
        return None
    return unless(bool(case.facts.body.get("allow_metadata_only")), "complete_metadata to a client that asked for all")


@observed("failure-names-category", "FAIL-FORM", on=_POLL, of_answers=True)
def failure_names_category(case: Case) -> Found:
    """A failure carries error and a category in lower case."""
    if case.facts.ending != "failed":
        return None
    answer: dict[str, Any] = case.facts.answer
    category = answer.get("category")
    if category is None and isinstance(answer.get("error"), dict):
        category = answer["error"].get("category")
    ok = bool(answer.get("error")) and category in {"user", "server", "unknown"}
    return unless(ok, f"error {answer.get('error')!r:.60}, category {category!r}")


@observed("failure-fits-beam", "FAIL-BEAM", on=_POLL, of_answers=True)
def failure_fits_beam(case: Case) -> Found:
    """To Tinkex a failure has a status and an error with message and category."""
    if case.facts.ending != "failed" or case.facts.request.headers.get("x-stainless-runtime") != "BEAM":
        return None
    error = case.facts.answer.get("error")
    ok = (
        case.facts.answer.get("status") == "failed"
        and isinstance(error, dict)
        and {"message", "category"} <= error.keys()
    )
    return unless(ok, f"{case.facts.answer!r:.120} crashes Tinkex, or looks like a success to it")


@observed("cursor-advances", "CUR-ADVANCES", on={"retrieve_futures"}, of_answers=True)
def cursor_advances(case: Case) -> Found:
    """The cursor of retrieve_futures advances with the completions that it tells."""
    cursor, before = case.facts.answer.get("cursor"), case.facts.body.get("prev_cursor")
    if not isinstance(cursor, int) or not isinstance(before, int):
        return None
    told = bool(case.facts.answer.get("completions"))
    return unless(cursor > before if told else cursor >= before, f"cursor {cursor} after {before}")


@observed("completions-are-true", "CUR-TRUE", on={"retrieve_futures"}, of_answers=True)
def completions_are_true(case: Case) -> Found:
    """What retrieve_futures says of an operation's end is what retrieve_future said."""
    seen = None
    for each in case.facts.answer.get("completions") or ():
        outcome = case.history.outcomes.get((case.facts.tenant, str(each.get("request_id"))))
        if outcome is None or outcome.ending is None:
            continue
        seen = HOLDS
        if (each.get("state") == "finished") != (outcome.ending == "succeeded"):
            return Broken(f"{each['request_id']} is {each.get('state')}, but it had {outcome.ending}", outcome.exchange)
    return seen
