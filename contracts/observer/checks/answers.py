"""The form of every answer."""

from __future__ import annotations

import json
from typing import Final, NoReturn

from contracts.observer.case import HOLDS, Broken, Case, Found, observed, unless
from contracts.observer.facts import JSON, PROTOBUF
from contracts.observer.protobuf import fields

_PATIENT: Final = {"retrieve_future", "retrieve_futures", "archive", "stream_sample", ""}


@observed("status-is-documented", "FORM-STATUS", of_answers=True)
def status_is_documented(case: Case) -> Found:
    """Every answer has a status that is documented for its operation."""
    if not case.spec.documents_operation(case.exchange):
        return None
    ok = case.spec.documents_status(case.exchange)
    return unless(ok, f"status {case.response.status} is not documented for this operation")


@observed("answer-fits-schema", "FORM-SCHEMA", of_answers=True)
def answer_fits_schema(case: Case) -> Found:
    """Every answer has the documented body."""
    if not case.response.whole or case.facts.request.method == "HEAD":
        return None
    if not (case.spec.documents_operation(case.exchange) and case.spec.documents_status(case.exchange)):
        return None
    return "; ".join(case.spec.faults_of_response(case.exchange))


@observed("answer-media-type", "FORM-MEDIA", of_answers=True)
def answer_media_type(case: Case) -> Found:
    """A body is what its Content-Type says."""
    response = case.response
    if not response.body or not response.whole or case.facts.operation == "" or case.signed:
        return None
    if response.media_type == JSON:
        ok = response.json is not None or response.body.strip() == b"null"
        return unless(ok, "the body says that it is JSON and is none")
    if response.media_type == PROTOBUF:
        try:
            return HOLDS if all(field.end for field in fields(response.body)) else None
        except ValueError as error:
            return Broken(f"the body says that it is protobuf and is none: {error}")
    if response.media_type == "text/event-stream" and case.facts.operation == "stream_sample":
        return HOLDS
    # A redirect may be told in words; whoever follows it reads none of them.
    if 300 <= response.status < 400:
        return None
    return Broken(f"an answer of type {response.media_type or 'nothing'}: clients read {JSON}")


@observed("json-is-strict", "FORM-STRICT-JSON", of_answers=True)
def json_is_strict(case: Case) -> Found:
    """JSON holds no NaN and no Infinity."""
    response = case.response
    if response.media_type != JSON or not response.whole:
        return None
    if b"NaN" not in response.body and b"Infinity" not in response.body:
        return HOLDS
    try:
        json.loads(response.body, parse_constant=_refused)
    except ValueError as error:
        return Broken(str(error))
    return HOLDS


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON: Elixir's and JavaScript's readers refuse the whole answer")


@observed("answer-tells-no-key", "KEY-SECRET", of_answers=True)
def answer_tells_no_key(case: Case) -> Found:
    """No answer holds the key of its caller."""
    key = case.facts.request.headers.get("x-api-key", "")
    if len(key) < 8:
        return None
    if key.encode("latin-1", "replace") in case.response.body:
        return Broken("the body holds the caller's key")
    where = [name for name, value in case.response.headers.items() if key in value]
    return unless(not where, f"the caller's key stands in {', '.join(where)}")


@observed("answers-promptly", "ERR-PROMPT", of_answers=True)
def answers_promptly(case: Case) -> Found:
    """Whatever is no long poll is answered within five seconds."""
    if case.facts.operation in _PATIENT or not case.facts.timed:
        return None
    seconds = case.exchange.ended - case.exchange.started
    return unless(seconds <= 5, f"answered after {seconds:.1f} s")


@observed("error-has-a-body", "ERR-BODY", of_answers=True)
def error_has_a_body(case: Case) -> Found:
    """An error has a body that is not empty."""
    if case.response.status < 400 or case.facts.request.method == "HEAD":
        return None
    return unless(bool(case.response.body), f"{case.response.status} with an empty body")


@observed("error-is-an-object", "ERR-OBJECT", of_answers=True)
def error_is_an_object(case: Case) -> Found:
    """The body of an error is a JSON object."""
    response = case.response
    if response.status < 400 or not response.body or case.facts.request.method == "HEAD":
        return None
    ok = response.media_type == JSON and isinstance(response.json, dict)
    return unless(
        ok, f"{response.status} with a body of type {response.media_type or 'nothing'} that is no JSON object"
    )


@observed("error-says-what", "ERR-WORDS", of_answers=True)
def error_says_what(case: Case) -> Found:
    """An error says what is wrong in detail and in message."""
    # 408 of a poll is no error: it says try_again.
    if case.response.status < 400 or case.response.status == 408 or not case.facts.answer:
        return None
    missing = [name for name in ("detail", "message") if not case.facts.answer.get(name)]
    return unless(not missing, f"{case.response.status} without {' and '.join(missing)}")


@observed("no-internal-error", "ERR-NO-500", of_answers=True)
def no_internal_error(case: Case) -> Found:
    """No request is answered with 500 or 501."""
    return unless(case.response.status not in {500, 501}, f"answered {case.response.status}")


@observed("no-silent-pause", "ERR-NO-402", of_answers=True)
def no_silent_pause(case: Case) -> Found:
    """No request is answered with 402."""
    return unless(case.response.status != 402, "answered 402, on which clients pause for up to an hour")


@observed("conflict-is-real", "ERR-NO-409", of_answers=True)
def conflict_is_real(case: Case) -> Found:
    """409 answers only a number that stands for something else already."""
    if case.response.status != 409:
        return None
    first = case.history.submission(case.facts)
    # An idempotency key stands for one request as a number does.
    same_key = case.history.attempts.get((case.facts.tenant, case.facts.idempotency_key))
    digests = [first and first.digest, first and first.accepted_digest, same_key and same_key.digest]
    real = any(digest is not None and digest != case.facts.digest for digest in digests)
    return unless(real, "409 makes clients try again for minutes, and nothing before stands under this number")
