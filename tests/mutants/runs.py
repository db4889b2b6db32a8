"""Servers that are wrong about making training runs and describing them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mock_server.domain import submissions, training_runs
from mock_server.domain.catalogue import Catalogue, UnknownModel
from mock_server.runtime.run_log import RunLog
from tests.mutants.surgery import Answer, answers, mutant, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable


@answers("POST /create_model", killed_by=("info-describes-the-run", "submission-has-a-request-id"))
def run_without_request_id(answer: Answer) -> None:
    """Creates a run at once and gives no request id to ask by."""
    answer.drop("request_id")


@answers("POST /create_model", killed_by="creation-names-the-model", during="info-describes-the-run")
def run_without_model_id(answer: Answer) -> None:
    """Does not name the run before it is made, which Tinkex needs."""
    answer.drop("model_id")


@mutant(killed_by="run-is-made-once")
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


@answers("POST /get_info", killed_by="info-describes-the-run")
def info_without_model_data(answer: Answer) -> None:
    """Describes a run without its model's name, from which clients take the tokenizer."""
    answer.drop("model_data")


@answers("POST /get_info", killed_by="info-describes-the-run")
def info_of_another_rank(answer: Answer) -> None:
    """Says rank 32 of every run."""
    if answer.ok:
        answer.replace(lora_rank=32)


@mutant(killed_by="unloaded-run-is-over")
def unload_forgotten() -> None:
    """Says that it let a run go, and keeps it."""

    def keep(unloaded: Callable[..., Any]) -> Callable[..., Any]:
        def keeps(self: RunLog, tx: Any, operation_id: str, _: int) -> Any:
            outcome = unloaded(self, tx, operation_id, -1)
            self.run(tx).status = "active"
            return outcome

        return keeps

    wrapped(RunLog, "unloaded", keep)


@answers("POST /get_info", killed_by="unknown-run-has-no-info")
def info_of_nobody(answer: Answer) -> None:
    """Describes runs that were never made."""
    if answer.status == 404:
        answer.status, answer.json = 200, {"model_id": "a:train:0", "model_data": {"model_name": "some/model"}}


@mutant(killed_by="unknown-base-model-is-refused")
def any_base_model() -> None:
    """Trains some model under any name that it does not know."""

    def some(find: Callable[..., Any]) -> Callable[..., Any]:
        def finds(self: Catalogue, name: str) -> Any:
            try:
                return find(self, name)
            except UnknownModel:
                return next(iter(self))

        return finds

    wrapped(Catalogue, "__getitem__", some)


@answers("POST /create_model", killed_by="unknown-session-makes-no-run")
def run_in_no_session(answer: Answer) -> None:
    """Takes the creation of a run in a session that is not there."""
    if answer.status == 404:
        answer.status, answer.json = 200, {"request_id": "r", "model_id": "a:train:0"}


@mutant(killed_by="impossible-rank-is-refused")
def any_rank() -> None:
    """Takes any rank and makes a possible one of it."""

    def clamp(create: Callable[..., Any]) -> Callable[..., Any]:
        def creates(tx: Any, tenant: str, new: Any, *rest: Any) -> Any:
            rank = min(max(new.adapter.rank, 1), training_runs.MAX_RANK)
            return create(tx, tenant, replace(new, adapter=replace(new.adapter, rank=rank)), *rest)

        return creates

    wrapped(training_runs, "create", clamp)


@answers("GET /training_runs/[^/]+", killed_by="run-tells-its-last-checkpoint")
def run_without_last_checkpoint(answer: Answer) -> None:
    """Does not tell a run's last checkpoint, from which a recovery would begin."""
    if answer.ok:
        answer.replace(last_checkpoint=None)


@answers("GET /training_runs/[^/]+", killed_by="times-have-zones", during="run-tells-its-last-checkpoint")
def run_with_naive_time(answer: Answer) -> None:
    """Gives times without a zone."""
    if answer.ok:
        answer.replace(last_request_time=answer.json["last_request_time"].removesuffix("Z"))


@answers("GET /training_runs", killed_by=("pages-hold-each-item-once", "answer-fits-schema"))
def runs_without_cursor(answer: Answer) -> None:
    """Lists runs without saying how many there are."""
    answer.drop("cursor")


@answers("GET /training_runs/[^/]+", killed_by=("metadata-is-kept", "metadata-is-text"))
def metadata_unstringified(answer: Answer) -> None:
    """Answers with numbers among the user's metadata, where clients take only strings."""
    if answer.ok and answer.json.get("user_metadata"):
        answer.replace(user_metadata={"step": 1})
