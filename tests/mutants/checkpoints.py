"""Servers that are wrong about saving, loading, and keeping checkpoints."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mock_server.api.tinker import weights
from mock_server.domain import checkpoints
from mock_server.runtime import training
from mock_server.runtime.run_worker import RunWorker
from mock_server.toy_model import TrainingState
from tests.mutants.surgery import Answer, answers, mutant, replaced, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable

ONE = "/training_runs/[^/]+/checkpoints/[^/]+/[^/]+"


@mutant(killed_by="optimizer-is-loaded-where-asked")
def optimizer_not_restored() -> None:
    """Loads a checkpoint without its optimizer, though it was asked for."""
    wrapped(training, "restore", lambda restore: lambda *args, optimizer: restore(*args, optimizer=False))


@mutant(killed_by="optimizer-is-loaded-where-asked")
def optimizer_always_restored() -> None:
    """Loads a checkpoint with its optimizer, though it was not asked for."""

    def always(restore: Callable[..., Any]) -> Callable[..., Any]:
        return lambda checkpoint, *rest, optimizer: restore(
            checkpoint, *rest, optimizer=optimizer or checkpoint.kind == "weights"
        )

    wrapped(training, "restore", always)


@mutant(killed_by="loading-brings-the-numbers-back")
def load_does_nothing() -> None:
    """Says that it loaded a checkpoint, and goes on with what it had."""

    def nothing(load: Callable[..., Any]) -> Callable[..., Any]:
        async def loads(self: RunWorker, *args: Any) -> Any:
            before = await self.take()
            outcome = await load(self, *args)
            self.state = before
            return outcome

        return loads

    wrapped(RunWorker, "_load", nothing)


@mutant(killed_by="checkpoint-holds-its-moment")
def saves_the_first_state() -> None:
    """Saves a run's first state under every name."""
    first: dict[int, bytes] = {}

    def stale(dump: Callable[..., Any]) -> Callable[..., Any]:
        def dumps(state: TrainingState, **options: Any) -> Any:
            return first.setdefault(len(options), dump(state, **options))

        return dumps

    wrapped(TrainingState, "dump", stale)


@mutant(killed_by="taken-name-is-kept")
def overwrites_silently() -> None:
    """Overwrites a checkpoint whose name is taken, without being told to."""

    def overwrite(save: Callable[..., Any]) -> Callable[..., Any]:
        def saves(tx: Any, run: Any, path: Any, file: Any, options: Any) -> Any:
            return save(tx, run, path, file, replace(options, overwrite=True))

        return saves

    wrapped(checkpoints, "save", overwrite)


@mutant(killed_by=("deleted-checkpoint-is-nowhere", "deleted-is-gone"))
def deletion_forgotten() -> None:
    """Says that it deleted a checkpoint, and keeps it."""
    replaced(checkpoints, "delete", checkpoints.owned)


@mutant(killed_by=("publication-is-shown", "published-is-for-all"))
def publication_forgotten() -> None:
    """Says that it published a checkpoint, and keeps it private."""

    def forget(*_: object, **__: object) -> None:
        return

    replaced(checkpoints, "set_public", forget)


@mutant(killed_by=("publication-is-shown", "published-is-for-all"))
def never_unpublished() -> None:
    """Leaves a checkpoint public that was withdrawn."""

    def only_publish(set_public: Callable[..., Any]) -> Callable[..., Any]:
        return lambda tx, tenant, path, *, public: set_public(tx, tenant, path, public=True) if public else None

    wrapped(checkpoints, "set_public", only_publish)


@answers(f"POST {ONE}/publish", killed_by="published-twice-is-published")
def published_twice_conflicts(answer: Answer) -> None:
    """Answers publishing with 409, which the SDK retries for five minutes."""
    answer.status, answer.json = 409, {"detail": "already public"}


@mutant(killed_by="lifetime-is-set-and-removed")
def ttl_forgotten() -> None:
    """Takes a time to live and lets the checkpoint live for ever."""

    def forget(*_: object, **__: object) -> None:
        return

    replaced(checkpoints, "set_ttl", forget)


@mutant(killed_by="newest-comes-first")
def checkpoints_oldest_first() -> None:
    """Lists checkpoints oldest first."""

    def reverse(page: Callable[..., Any]) -> Callable[..., Any]:
        def pages(*args: Any, **kwargs: Any) -> Any:
            found, total = page(*args, **kwargs)
            return list(reversed(found)), total

        return pages

    wrapped(checkpoints, "page", reverse)


@answers("GET /checkpoints", killed_by="pages-hold-each-item-once")
def total_is_the_pages(answer: Answer) -> None:
    """Counts the page instead of all checkpoints, so that paging ends too soon."""
    if answer.ok:
        answer.replace(cursor={**answer.json["cursor"], "total_count": len(answer.json["checkpoints"])})


@answers("GET /training_runs/[^/]+/checkpoints", killed_by=("saved-is-listed", "answer-fits-schema"))
def checkpoint_of_unknown_type(answer: Answer) -> None:
    """Lists checkpoints under a type that no client knows."""
    if answer.ok:
        answer.replace(checkpoints=[{**each, "checkpoint_type": "lora"} for each in answer.json["checkpoints"]])


@answers("POST /weights_info", killed_by="info-describes-the-weights")
def weights_of_no_base(answer: Answer) -> None:
    """Describes weights without their base model, on which Tinkex crashes."""
    answer.drop("base_model")


@answers("POST /weights_info", killed_by="info-describes-the-weights")
def weights_parts_forgotten(answer: Answer) -> None:
    """Says of all weights that every part was trained."""
    if answer.ok:
        answer.replace(train_mlp=True, train_attn=True, train_unembed=True)


@answers(f"DELETE {ONE}", killed_by="deleting-nothing-is-404")
def deletes_what_is_not_there(answer: Answer) -> None:
    """Says 204 of deleting a checkpoint that does not exist."""
    answer.status, answer.body = 204, b""


@mutant(killed_by="metadata-is-kept")
def checkpoint_metadata_lost() -> None:
    """Forgets a checkpoint's user_metadata."""

    def lose(save: Callable[..., Any]) -> Callable[..., Any]:
        def saves(tx: Any, run: Any, path: Any, file: Any, options: Any) -> Any:
            return save(tx, run, path, file, replace(options, user_metadata=None))

        return saves

    wrapped(checkpoints, "save", lose)


@mutant(killed_by="unnamed-save-has-a-path")
def unnamed_without_a_path() -> None:
    """Gives Tinkex no path of a save without a name, on which it crashes."""
    wrapped(weights, "forms_of", lambda forms_of: lambda request: replace(forms_of(request), names_samplers=False))


@answers("POST /load_weights", killed_by="restored-run-counts-from-one")
def restored_run_renamed(answer: Answer) -> None:
    """Calls a restored run otherwise than its client foretells."""
    if answer.ok and "model_id" in answer.json:
        answer.replace(model_id=answer.json["model_id"].replace(":train:", ":restored:"))


@answers("POST /load_weights", killed_by="loading-nothing-fails")
def loads_nothing(answer: Answer) -> None:
    """Takes the loading of a checkpoint that is not there."""
    if answer.status == 404:
        answer.status, answer.json = 200, {"request_id": "r", "model_id": "a:train:0"}


@answers("POST /copy_weights", killed_by="copy-has-the-weights")
def copy_is_the_original(answer: Answer) -> None:
    """Answers the path of the original in place of a copy's."""
    if answer.ok:
        answer.json = {"tinker_path": json.loads(answer.asked)["source_path"]}
