"""Servers that are wrong about what they take, and about the form of what they answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_server.api.tinker import weights
from mock_server.domain import checkpoints
from mock_server.toy_model import TrainingState
from tests.mutants.surgery import Answer, answers, mutant, replaced, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable

ANY = "(GET|POST|PUT|DELETE) /.*"


@answers(ANY, killed_by="")
def bad_requests_are_bugs(answer: Answer) -> None:
    """Answers what it can't read with 500, which clients retry for minutes."""
    if answer.status == 422:
        answer.status = 500


@answers(ANY, killed_by="")
def errors_in_html(answer: Answer) -> None:
    """Explains its errors in HTML."""
    if answer.status >= 400 and answer.status != 408:
        answer.body = b"<html><body>Not good.</body></html>"
        answer.headers["content-type"] = "text/html"


@answers(ANY, killed_by="")
def errors_without_detail(answer: Answer) -> None:
    """Refuses and does not say why."""
    if answer.status >= 400 and answer.status != 408:
        answer.json = {}


@answers(ANY, killed_by="")
def refused_with_an_empty_400(answer: Answer) -> None:
    """Refuses with 400 and no body, which the SDK takes for a lost connection."""
    if answer.status in {400, 422}:
        answer.status, answer.body = 400, b""


@answers(ANY, killed_by="")
def json_as_text(answer: Answer) -> None:
    """Sends JSON as text/plain, which clients do not parse."""
    if answer.headers.get("content-type") == "application/json":
        answer.headers["content-type"] = "text/plain"


@answers("GET /healthz", killed_by="")
def teapot(answer: Answer) -> None:
    """Answers with a status that nobody documented."""
    answer.status = 418


@answers("POST /create_session", killed_by="")
def created_is_202(answer: Answer) -> None:
    """Answers 202 where 200 is documented."""
    answer.status = 202


@answers("GET /training_runs", killed_by="")
def list_of_another_type(answer: Answer) -> None:
    """Gives a number as a string."""
    if answer.ok:
        answer.replace(cursor={name: str(value) for name, value in answer.json["cursor"].items()})


@answers("POST /retrieve_future", killed_by="")
def not_a_number(answer: Answer) -> None:
    """Writes NaN into JSON, which is none then."""
    if answer.status == 200 and "metrics" in answer.json:
        answer.body = answer.body[:-1] + b',"drift": NaN}'


@mutant(killed_by="")
def names_go_anywhere() -> None:
    """Takes any text for a checkpoint's name, slashes and dots included."""
    replaced(weights, "checkpoint_name", lambda name, field="path": name)


@mutant(killed_by="")
def any_time_to_live() -> None:
    """Takes a time to live of no time, or of minus one second."""
    replaced(checkpoints, "check_ttl", lambda *_: None)


@mutant(killed_by="")
def any_loss_will_do() -> None:
    """Computes cross-entropy for a loss that it does not know."""

    def some(run: Callable[..., Any]) -> Callable[..., Any]:
        def runs(state: TrainingState, data: Any, loss_fn: Any, *args: Any, **more: Any) -> Any:
            known = not isinstance(loss_fn, str) or loss_fn in {
                "cross_entropy",
                "importance_sampling",
                "ppo",
                "cispo",
                "dro",
            }
            return run(state, data, loss_fn if known else "cross_entropy", *args, **more)

        return runs

    wrapped(TrainingState, "forward_backward", some)
