"""Servers that are wrong about making training runs and describing them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mock_server.domain import submissions, training_runs
from tests.mutants.surgery import Answer, answers, mutant, replaced, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable


@answers("POST /create_model", killed_by="")
def run_without_request_id(answer: Answer) -> None:
    """Creates a run at once and gives no request id to ask by."""
    answer.drop("request_id")


@answers("POST /create_model", killed_by="")
def run_without_model_id(answer: Answer) -> None:
    """Does not name the run before it is made, which Tinkex needs."""
    answer.drop("model_id")


@mutant(killed_by="")
def repeated_creation_makes_another() -> None:
    """Makes a second run when create_model is repeated."""
    made: set[tuple[str, int]] = set()

    def another(create: Callable[..., Any]) -> Callable[..., Any]:
        def create_another(tx: Any, tenant: str, new: Any, *rest: Any) -> Any:
            while (new.session_id, new.model_seq_id) in made:
                new = replace(new, model_seq_id=new.model_seq_id + 1000)
            made.add((new.session_id, new.model_seq_id))
            return create(tx, tenant, new, *rest)

        return create_another

    wrapped(submissions, "create_run", another)


@answers("POST /get_info", killed_by="")
def info_without_model_data(answer: Answer) -> None:
    """Describes a run without its model's name, from which clients take the tokenizer."""
    answer.drop("model_data")


@answers("POST /get_info", killed_by="")
def info_of_another_rank(answer: Answer) -> None:
    """Says rank 32 of every run."""
    if answer.ok:
        answer.replace(lora_rank=32)


@mutant(killed_by="")
def unloaded_but_usable() -> None:
    """Takes operations for a run that was unloaded."""
    replaced(training_runs, "check_usable", lambda _: None)


@answers("GET /training_runs/[^/]+", killed_by="")
def run_without_last_checkpoint(answer: Answer) -> None:
    """Does not tell a run's last checkpoint, from which a recovery would begin."""
    if answer.ok:
        answer.replace(last_checkpoint=None)


@answers("GET /training_runs/[^/]+", killed_by="")
def run_with_naive_time(answer: Answer) -> None:
    """Gives times without a zone."""
    if answer.ok:
        answer.replace(last_request_time=answer.json["last_request_time"].removesuffix("Z"))


@answers("GET /training_runs", killed_by="")
def runs_without_cursor(answer: Answer) -> None:
    """Lists runs without saying how many there are."""
    answer.drop("cursor")


@answers("GET /training_runs/[^/]+", killed_by="")
def metadata_unstringified(answer: Answer) -> None:
    """Answers with numbers among the user's metadata, where clients take only strings."""
    if answer.ok and answer.json.get("user_metadata"):
        answer.replace(user_metadata={"step": 1})
