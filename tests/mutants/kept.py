"""Servers that are wrong about what they keep, and only after something else has happened."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlmodel import select

from mock_server.domain import checkpoints, samplers, sessions
from mock_server.domain.errors import NotFound, OperationFailed
from mock_server.domain.paths import CheckpointPath, kind_of
from mock_server.runtime import training
from mock_server.runtime.run_worker import RunWorker
from mock_server.runtime.runtime import Runtime
from mock_server.runtime.sampling import SamplingFloor
from mock_server.store.tables import Sampler, Session
from tests.mutants.surgery import Answer, answers, mutant, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable

    from mock_server.runtime.board import LiveOperation

# Checkpoints.


@mutant(killed_by="loaded-numbers-are-those-saved")
def newest_checkpoint_loaded() -> None:
    """Loads a run's newest checkpoint, whichever was named."""

    def newest(loadable: Callable[..., Any]) -> Callable[..., Any]:
        def loads(tx: Any, tenant: str, path: CheckpointPath, *rest: Any) -> Any:
            found, _ = checkpoints.of_run(tx, tenant, path.run_id, limit=1, offset=0)
            return loadable(tx, tenant, replace(path, kind=kind_of(found[0].kind), name=found[0].name), *rest)

        return loads

    wrapped(checkpoints, "loadable", newest)


@mutant(killed_by="restored-run-goes-on")
def new_run_without_its_optimizer() -> None:
    """Restores the optimizer into an existing run, and forgets it for a new one."""

    def forget(load: Callable[..., Any]) -> Callable[..., Any]:
        async def loads(self: Runtime, tenant: str, session: str, number: int, order: Any, *rest: Any) -> Any:
            return await load(self, tenant, session, number, order.model_copy(update={"optimizer": False}), *rest)

        return loads

    wrapped(Runtime, "load_new_run", forget)


@mutant(killed_by="taken-name-keeps-its-checkpoint")
def refused_save_overwrites() -> None:
    """Fails a save under a taken name, and overwrites the checkpoint all the same."""

    def overwrite(save: Callable[..., Any]) -> Callable[..., Any]:
        async def saves(self: RunWorker, operation: LiveOperation, order: Any) -> Any:
            try:
                return await save(self, operation, order)
            except OperationFailed:
                await save(self, operation, order.model_copy(update={"overwrite": True}))
                raise

        return saves

    wrapped(RunWorker, "_save", overwrite)


@answers("GET /checkpoints", killed_by="checkpoint-lists-are-true")
def published_missing_in_lists(answer: Answer) -> None:
    """Leaves published checkpoints out of their owner's list."""
    if answer.ok:
        answer.replace(checkpoints=[each for each in answer.json["checkpoints"] if not each["public"]])


@mutant(killed_by="lifetime-is-listed")
def lifetime_never_removed() -> None:
    """Sets a checkpoint's expiry, and never takes it away again."""

    def keep(set_ttl: Callable[..., Any]) -> Callable[..., Any]:
        return lambda tx, tenant, path, seconds: None if seconds is None else set_ttl(tx, tenant, path, seconds)

    wrapped(checkpoints, "set_ttl", keep)


@answers("GET /training_runs/[^/]+/checkpoints/[^/]+/[^/]+/archive", killed_by="deleted-checkpoint-is-unusable")
def archive_of_the_deleted(answer: Answer) -> None:
    """Gives the address of an archive whether the checkpoint is there or not."""
    if answer.status == 404:
        answer.status = 302
        answer.headers["location"] = "http://127.0.0.1:1/archive.tar"


@mutant(killed_by="expired-checkpoint-is-gone")
def lifetimes_too_long() -> None:
    """Takes a lifetime of so many seconds for one of ten times as many."""

    def longer(set_ttl: Callable[..., Any]) -> Callable[..., Any]:
        return lambda tx, tenant, path, seconds: set_ttl(tx, tenant, path, None if seconds is None else seconds * 10)

    wrapped(checkpoints, "set_ttl", longer)


@mutant(killed_by="published-is-readable-until-withdrawn")
def published_not_loadable() -> None:
    """Describes published checkpoints to strangers, and lets only their owner load them."""

    def own(loadable: Callable[..., Any]) -> Callable[..., Any]:
        def loads(tx: Any, tenant: str, path: CheckpointPath, *rest: Any) -> Any:
            found = loadable(tx, tenant, path, *rest)
            if found.tenant != tenant:
                raise NotFound(f"checkpoint {path} does not exist")
            return found

        return loads

    wrapped(checkpoints, "loadable", own)


@mutant(killed_by="loaded-numbers-are-those-saved")
def restored_runs_share_weights() -> None:
    """Lets all runs that were restored from one checkpoint share its weights, so that one trains the other."""
    shared: dict[Any, Any] = {}

    def share(restore: Callable[..., Any]) -> Callable[..., Any]:
        def restores(checkpoint: Any, *rest: Any, optimizer: bool) -> Any:
            key = (checkpoint.artifact, optimizer)
            if key not in shared:
                shared[key] = restore(checkpoint, *rest, optimizer=optimizer)
            return shared[key]

        return restores

    wrapped(training, "restore", share)


# Samplers.


@mutant(killed_by="sampler-sees-its-save")
def sampler_dies_with_its_checkpoint() -> None:
    """Samples from a checkpoint only as long as that is there."""

    def needs(sample: Callable[..., Any]) -> Callable[..., Any]:
        async def samples(self: Runtime, tenant: str, sampler_id: str, *rest: Any) -> Any:
            sampler = await self.store.read(samplers.owned, tenant, sampler_id)
            if sampler.model_path is not None:
                await self.store.read(checkpoints.readable, tenant, CheckpointPath.parse(sampler.model_path))
            return await sample(self, tenant, sampler_id, *rest)

        return samples

    wrapped(Runtime, "sample", needs)


@mutant(killed_by="equal-samplers-draw-alike")
def draws_by_history() -> None:
    """Draws under a seed what depends on how often it was asked before."""
    asked = itertools.count()

    def shift(request: Callable[..., Any]) -> Callable[..., Any]:
        def requests(*args: Any) -> Any:
            order, layout = request(*args)
            return replace(order, seed=(order.seed or 0) + next(asked)), layout

        return requests

    wrapped(SamplingFloor, "_request", shift)


@answers("POST /cancel_future", killed_by="cancelled-sample-has-one-end")
def cancelling_conflicts(answer: Answer) -> None:
    """Answers the cancelling of a sample with 409."""
    answer.status, answer.json = 409, {"detail": "too late", "message": "too late"}


# Sessions and tenants.


@mutant(killed_by="session-lives-until-finished")
def finish_ends_all() -> None:
    """Ends all sessions of a tenant when one is finished."""

    def end_all(finish: Callable[..., Any]) -> Callable[..., Any]:
        def finishes(tx: Any, tenant: str, _: str, **how: Any) -> None:
            for session_id in tx.session.exec(select(Session.id).where(Session.tenant == tenant)).all():
                finish(tx, tenant, session_id, **how)

        return finishes

    wrapped(sessions, "finish", end_all)


@mutant(killed_by="session-names-what-it-made")
def saved_samplers_unnamed() -> None:
    """Names a session's samplers without those that a save made."""

    def only_created(content: Callable[..., Any]) -> Callable[..., Any]:
        def contents(tx: Any, tenant: str, session_id: str) -> Any:
            found = content(tx, tenant, session_id)
            saved = set(tx.session.exec(select(Sampler.id).where(Sampler.origin == "saved")).all())
            return replace(found, sampler_ids=[each for each in found.sampler_ids if each not in saved])

        return contents

    wrapped(sessions, "content", only_created)


@mutant(killed_by="no-stranger-finds-anything")
def session_content_for_everybody() -> None:
    """Tells strangers what was made in another tenant's session."""

    def tell(content: Callable[..., Any]) -> Callable[..., Any]:
        def contents(tx: Any, tenant: str, session_id: str) -> Any:
            owner = tx.session.exec(select(Session.tenant).where(Session.id == session_id)).first()
            return content(tx, owner or tenant, session_id)

        return contents

    wrapped(sessions, "content", tell)


@mutant(killed_by="no-stranger-gets-results")
def results_in_memory_for_everybody() -> None:
    """Gives strangers another tenant's results while they are in memory."""

    def tell(poll: Callable[..., Any]) -> Callable[..., Any]:
        async def polls(self: Runtime, tenant: str, operation_id: str, seconds: float) -> Any:
            live = self.board.get(operation_id)
            return await poll(self, tenant if live is None else live.tenant, operation_id, seconds)

        return polls

    wrapped(Runtime, "poll", tell)


@mutant(killed_by="no-stranger-changes-anything")
def strangers_date_what_is_published() -> None:
    """Lets strangers give a lifetime to what is published only to be read."""

    def anybody(set_ttl: Callable[..., Any]) -> Callable[..., Any]:
        def sets(tx: Any, tenant: str, path: CheckpointPath, seconds: int | None) -> None:
            set_ttl(tx, checkpoints.readable(tx, tenant, path).tenant, path, seconds)

        return sets

    wrapped(checkpoints, "set_ttl", anybody)


@mutant(killed_by="lists-hold-only-ones-own")
def sessions_of_all_listed() -> None:
    """Lists the sessions of all tenants to each."""

    def everybodys(page: Callable[..., Any]) -> Callable[..., Any]:
        def pages(tx: Any, tenant: str, *, limit: int, offset: int) -> Any:
            found = list(tx.session.exec(select(Session.id).order_by(Session.number.desc())).all())  # type: ignore[union-attr]
            return found[offset : offset + limit], len(found)

        return pages

    wrapped(sessions, "page", everybodys)


# What takes a sequence that nobody wrote down.


@mutant(killed_by="taken-name-keeps-its-checkpoint")
def sampler_names_overwritten() -> None:
    """Keeps the names of training checkpoints, and overwrites those of sampler checkpoints."""

    def overwrite(save: Callable[..., Any]) -> Callable[..., Any]:
        def saves(tx: Any, run: Any, path: CheckpointPath, file: Any, options: Any) -> Any:
            return save(tx, run, path, file, replace(options, overwrite=path.kind == "sampler_weights"))

        return saves

    wrapped(checkpoints, "save", overwrite)
