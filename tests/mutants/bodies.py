"""Servers that are wrong about what they take, and about the form of what they answer."""

from __future__ import annotations

from mock_server.api.tinker import weights
from mock_server.domain import checkpoints
from mock_server.runtime import run_worker
from tests.mutants.surgery import Answer, answers, mutant, replaced

ANY = "(GET|POST|PUT|DELETE) /.*"


@answers(ANY, killed_by=("missing-field-is-named", "no-internal-error"))
def bad_requests_are_bugs(answer: Answer) -> None:
    """Answers what it can't read with 500, which clients retry for minutes."""
    if answer.status == 422:
        answer.status = 500


@answers(ANY, killed_by=("unknown-path-is-404", "error-is-an-object"))
def errors_in_html(answer: Answer) -> None:
    """Explains its errors in HTML."""
    if answer.status >= 400 and answer.status != 408:
        answer.body = b"<html><body>Not good.</body></html>"
        answer.headers["content-type"] = "text/html"


@answers(ANY, killed_by=("missing-field-is-named", "error-says-what"))
def errors_without_detail(answer: Answer) -> None:
    """Refuses and does not say why."""
    if answer.status >= 400 and answer.status != 408:
        answer.json = {"code": answer.status}


@answers(ANY, killed_by=("missing-field-is-named", "error-has-a-body"))
def refused_with_an_empty_400(answer: Answer) -> None:
    """Refuses with 400 and no body, which the SDK takes for a lost connection."""
    if answer.status in {400, 422}:
        answer.status, answer.body = 400, b""


@answers(ANY, killed_by="answer-media-type", during="health-is-told")
def json_as_text(answer: Answer) -> None:
    """Sends JSON as text/plain, which clients do not parse."""
    if answer.headers.get("content-type") == "application/json":
        answer.headers["content-type"] = "text/plain"


@answers("GET /healthz", killed_by=("health-is-told", "status-is-documented"))
def teapot(answer: Answer) -> None:
    """Answers with a status that nobody documented."""
    answer.status = 418


@answers("POST /create_session", killed_by="status-is-documented", during="heartbeat-is-answered")
def created_is_202(answer: Answer) -> None:
    """Answers 202 where 200 is documented."""
    answer.status = 202


@answers("GET /training_runs", killed_by="answer-fits-schema", during="pages-hold-each-item-once")
def list_of_another_type(answer: Answer) -> None:
    """Gives a number as a string."""
    if answer.ok:
        answer.replace(cursor={name: str(value) for name, value in answer.json["cursor"].items()})


@answers("POST /retrieve_future", killed_by="json-is-strict", during="every-step-lowers-the-loss")
def not_a_number(answer: Answer) -> None:
    """Writes NaN into JSON, which is none then."""
    if answer.status == 200 and "metrics" in answer.json:
        answer.body = answer.body[:-1] + b',"drift": NaN}'


@answers("POST /create_session", killed_by="no-json-is-refused")
def anything_opens_a_session(answer: Answer) -> None:
    """Takes a body that is no JSON for an empty object."""
    if answer.status == 400:
        answer.status, answer.json = 200, {"session_id": "a"}


@mutant(killed_by="name-must-fit-a-path")
def names_go_anywhere() -> None:
    """Takes any text for a checkpoint's name, slashes and dots included."""
    for module in (weights, run_worker):
        replaced(module, "checkpoint_name", lambda name, field="path": name)


@mutant(killed_by="short-lifetime-is-refused")
def any_time_to_live() -> None:
    """Takes a time to live of no time, or of minus one second."""
    replaced(checkpoints, "check_ttl", lambda *_: None)


@answers("POST /.*", killed_by="null-is-absent")
def nulls_refused(answer: Answer) -> None:
    """Refuses null for a field that may be left out."""
    if b": null" in answer.asked:
        answer.refuse(422, "null is no value")


@answers("POST /.*", killed_by="unknown-field-is-ignored")
def unknown_fields_refused(answer: Answer) -> None:
    """Refuses requests that hold more than it knows."""
    if b"field_of_the_future" in answer.asked:
        answer.refuse(422, "unknown field")


@answers("(GET|DELETE) /.*", killed_by="wrong-method-is-405")
def other_methods_unknown(answer: Answer) -> None:
    """Says of a path that it does not exist when it is asked with another method."""
    if answer.status == 405:
        answer.refuse(404, "Not Found")


@answers(ANY, killed_by="refused-key-has-the-usual-body")
def keys_refused_in_other_words(answer: Answer) -> None:
    """Refuses keys with a body that has another form than all others."""
    if answer.status == 401:
        answer.json = {"msg": "who are you?"}
