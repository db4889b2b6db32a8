"""Checkpoints: saved, found by path, listed, published, given a time to live, deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, bindparam, func, literal_column, or_, select

from mock_server.domain import accounts, audit, training_runs, usage
from mock_server.domain.clocks import EVERYBODY, lives_by
from mock_server.domain.errors import Forbidden, Invalid, NotFound, OperationFailed
from mock_server.domain.exports import is_sealed
from mock_server.domain.paths import CheckpointPath, kind_of
from mock_server.store import Command, Query, StoredFile, Transaction
from mock_server.store.tables import CHECKPOINTS, Checkpoint, TrainingRun

MAX_TTL_SECONDS = 10 * 365 * 86400
"""Ten years, the longest that the SDK's documentation promises."""

NAME_TAKEN = "Checkpoint with the same name already exists. Please choose a different name to avoid overwriting."
"""The real service's own words."""

_UNEXPIRED = or_(CHECKPOINTS.c.expires_at.is_(None), CHECKPOINTS.c.expires_at > bindparam("now"))
_MINE = CHECKPOINTS.c.tenant == bindparam("tenant")
_THE_RUNS = (CHECKPOINTS.c.training_run_id == bindparam("run"), _UNEXPIRED)
# Literal, since SQLite must see that the index of these rows alone will do.
_EXTERNAL = CHECKPOINTS.c.kind == literal_column("'external_weights'")


def _total(*wanted: ColumnElement[bool]) -> Query[Any]:
    return Query(select(func.count().label("total")).where(*wanted))


def _newest_first(*wanted: ColumnElement[bool]) -> Query[Checkpoint]:
    newest_first = select(*training_runs.listed(CHECKPOINTS)).where(*wanted).order_by(CHECKPOINTS.c.number.desc())
    return Query(newest_first.limit(bindparam("limit")).offset(bindparam("offset")))


def _listed(*wanted: ColumnElement[bool]) -> tuple[Query[Checkpoint], Query[Any]]:
    """A page of them, and how many there are."""
    return _newest_first(*wanted), _total(*wanted)


_AT: Final = Query[Checkpoint](
    select(CHECKPOINTS).where(
        CHECKPOINTS.c.training_run_id == bindparam("run"),
        CHECKPOINTS.c.kind == bindparam("kind"),
        CHECKPOINTS.c.name == bindparam("name"),
    )
)
_DELETE: Final = Command(CHECKPOINTS.delete().where(CHECKPOINTS.c.number == bindparam("number")))
# By the clock of all who have none of their own (True), and by a tenant's.
_EXPIRED: Final = {
    everybody: Query[Checkpoint](
        select(CHECKPOINTS).where(CHECKPOINTS.c.expires_at <= bindparam("now"), whose).limit(bindparam("limit"))
    )
    for everybody, whose in ((True, lives_by(EVERYBODY, CHECKPOINTS.c.tenant)), (False, _MINE))
}
_OVERDUE: Final = _total(CHECKPOINTS.c.expires_at <= bindparam("now"), _MINE)
# No OR in them: SQLite would walk over all that the tenant has.
_OVERDUE_OTHERS: Final = _total(CHECKPOINTS.c.expires_at <= bindparam("now"), _MINE, ~_EXTERNAL)
_EXTERNAL_TOTAL: Final = _total(_EXTERNAL, _MINE)
# Each list in two ways, with external weights (True) and without.
_PAGE: Final = {True: _newest_first(_MINE, _UNEXPIRED), False: _newest_first(_MINE, _UNEXPIRED, ~_EXTERNAL)}
_OF_RUN: Final = {True: _listed(*_THE_RUNS), False: _listed(*_THE_RUNS, ~_EXTERNAL)}
_PUBLISHED: Final = {
    True: _listed(*_THE_RUNS, CHECKPOINTS.c.public),
    False: _listed(*_THE_RUNS, CHECKPOINTS.c.public, ~_EXTERNAL),
}


@dataclass(frozen=True)
class SaveOptions:
    """What a save may ask for beside the weights."""

    ttl_seconds: int | None = None
    overwrite: bool = False
    user_metadata: dict[str, Any] | None = None


def save(tx: Transaction, run: TrainingRun, path: CheckpointPath, file: StoredFile, options: SaveOptions) -> Checkpoint:
    """A checkpoint of the run at that path, holding the file. OperationFailed where the name is taken."""
    previous = _at(tx, path)
    now = tx.now(run.tenant)
    if previous is not None and not _expired(previous, now) and not options.overwrite:
        raise OperationFailed(NAME_TAKEN)
    if previous is not None:
        _remove(tx, previous)
        ended = ("checkpoint_expire", None) if _expired(previous, now) else ("checkpoint_overwrite", run.tenant)
        _note(tx, previous, *ended)
    checkpoint = Checkpoint(
        tenant=run.tenant,
        training_run_id=run.id,
        kind=path.kind,
        name=path.name,
        artifact=tx.add_artifact(file),
        size_bytes=file.size_bytes,
        base_model=run.base_model,
        rank=run.rank,
        lora_seed=run.lora_seed,
        train_mlp=run.train_mlp,
        train_attn=run.train_attn,
        train_unembed=run.train_unembed,
        optimizer=run.optimizer,
        prior_size=run.prior_size,
        prior_fixed=run.prior_fixed,
        user_metadata=options.user_metadata,
        created_at=now,
        expires_at=None if options.ttl_seconds is None else now + options.ttl_seconds,
    )
    tx.session.add(checkpoint)
    added(tx, checkpoint)
    return checkpoint


def added(tx: Transaction, checkpoint: Checkpoint, **details: str) -> None:
    """Count a new checkpoint, and note in its owner's audit log how it came about."""
    accounts.count(tx, checkpoint.tenant, checkpoints=1)
    usage.saved(tx, checkpoint)
    _note(tx, checkpoint, "checkpoint_create", checkpoint.tenant, size_bytes=checkpoint.size_bytes, **details)


def readable(tx: Transaction, tenant: str, path: CheckpointPath, reader: str | None = None) -> Checkpoint:
    """The checkpoint, if it is published, the tenant's own, or the `reader`'s, in whose name the tenant may read."""
    checkpoint = _at(tx, path)
    allowed = checkpoint is not None and (checkpoint.public or checkpoint.tenant in {tenant, reader})
    if checkpoint is None or not allowed or _expired(checkpoint, tx.now(tenant)):
        raise NotFound(f"checkpoint {path} does not exist: it was never saved, was deleted, or has expired")
    return checkpoint


def was_read(tx: Transaction, tenant: str, checkpoint: Checkpoint, purpose: str) -> None:
    """Note in its owner's audit log who read it, and what for."""
    _note(tx, checkpoint, "checkpoint_read", tenant, purpose=purpose)


def handed_out(tx: Transaction, tenant: str, path: CheckpointPath) -> None:
    """Note that the tenant was given an address of the checkpoint's files.

    This is the read that the audit log tells: whoever loads by the address brings no key, so there is no telling who.
    """
    was_read(tx, tenant, readable(tx, tenant, path), "download")


def loadable(tx: Transaction, tenant: str, path: CheckpointPath, reader: str | None = None) -> Checkpoint:
    """The checkpoint, if it is readable and the server can read its weights itself."""
    checkpoint = readable(tx, tenant, path, reader)
    if path.kind == "external_weights" and is_sealed(tx.read_artifact(checkpoint.artifact)):
        raise Invalid(f"{path} is encrypted to its recipients: load a training or a sampler checkpoint instead")
    return checkpoint


def owned(tx: Transaction, tenant: str, path: CheckpointPath) -> Checkpoint:
    """The checkpoint, if it is the tenant's to change."""
    checkpoint = readable(tx, tenant, path)
    if checkpoint.tenant != tenant:
        raise Forbidden(f"checkpoint {path} is published by someone else: only its owner can change it")
    return checkpoint


def delete(tx: Transaction, tenant: str, path: CheckpointPath) -> None:
    """Delete it for good."""
    checkpoint = owned(tx, tenant, path)
    _remove(tx, checkpoint)
    _note(tx, checkpoint, "checkpoint_delete", tenant)


def set_public(tx: Transaction, tenant: str, path: CheckpointPath, *, public: bool) -> None:
    """Publish or withdraw. Saying it twice is no error: the SDK would take 409 for "try again" and hang."""
    checkpoint = owned(tx, tenant, path)
    if checkpoint.public != public:
        _update(tx, checkpoint, public=public)
        _note(tx, checkpoint, "checkpoint_publish" if public else "checkpoint_unpublish", tenant)


def set_ttl(tx: Transaction, tenant: str, path: CheckpointPath, ttl_seconds: int | None) -> None:
    """Let it expire that many seconds from now, or, with None, never."""
    checkpoint = owned(tx, tenant, path)
    _update(tx, checkpoint, expires_at=None if ttl_seconds is None else tx.now(tenant) + ttl_seconds)
    _note(tx, checkpoint, "checkpoint_set_ttl", tenant, ttl_seconds=ttl_seconds)


def check_ttl(ttl_seconds: int | None, minimum: int) -> None:
    """Refuse a time to live that the real service refuses."""
    if ttl_seconds is not None and not minimum <= ttl_seconds <= MAX_TTL_SECONDS:
        raise Invalid(f"ttl_seconds is {ttl_seconds}: give {minimum} to {MAX_TTL_SECONDS}, or leave it out")


def of_run(
    tx: Transaction, tenant: str, run_id: str, *, limit: int | None, offset: int, external: bool = True
) -> tuple[Sequence[Checkpoint], int]:
    """A run's checkpoints, newest first, and how many there are; only the published ones of another tenant's run.

    Without `external` there are no external weights, in the list nor in the count.
    """
    mine = training_runs.is_owner(tx, tenant, run_id)
    found, count = (_OF_RUN if mine else _PUBLISHED)[external]
    total: int = tx.rows(count, run=run_id, now=tx.now(tenant))[0].total
    if not mine and not total:
        raise NotFound(training_runs.unknown(run_id))
    return tx.rows(found, run=run_id, now=tx.now(tenant), limit=total if limit is None else limit, offset=offset), total


def page(
    tx: Transaction, tenant: str, *, limit: int, offset: int, external: bool = True
) -> tuple[Sequence[Checkpoint], int]:
    """The tenant's checkpoints, newest first, and how many there are in all; without `external` no external weights.

    The total comes from the tenant's counter, less what has expired and is not swept yet.
    """
    found = tx.rows(_PAGE[external], tenant=tenant, now=tx.now(tenant), limit=limit, offset=offset)
    left_out: int = tx.rows(_OVERDUE if external else _OVERDUE_OTHERS, tenant=tenant, now=tx.now(tenant))[0].total
    if not external:
        left_out += tx.rows(_EXTERNAL_TOTAL, tenant=tenant)[0].total
    return found, accounts.totals(tx, tenant).checkpoints - left_out


def sweep(tx: Transaction, clock: str, *, limit: int = 1000) -> int:
    """Remove what has expired by this clock; returns how many."""
    of_clock = {} if clock == EVERYBODY else {"tenant": clock}
    expired = tx.rows(_EXPIRED[clock == EVERYBODY], now=tx.now(clock), limit=limit, **of_clock)
    for checkpoint in expired:
        _remove(tx, checkpoint)
        _note(tx, checkpoint, "checkpoint_expire", None)
    return len(expired)


def _at(tx: Transaction, path: CheckpointPath) -> Checkpoint | None:
    return tx.row(_AT, run=path.run_id, kind=path.kind, name=path.name)


def _update(tx: Transaction, checkpoint: Checkpoint, **values: Any) -> None:
    tx.connection.execute(CHECKPOINTS.update().where(CHECKPOINTS.c.number == checkpoint.number).values(values))


def _remove(tx: Transaction, checkpoint: Checkpoint) -> None:
    accounts.count(tx, checkpoint.tenant, checkpoints=-1)
    usage.removed(tx, checkpoint)
    tx.run(_DELETE, number=checkpoint.number)
    tx.release_artifact(checkpoint.artifact)


def _note(tx: Transaction, checkpoint: Checkpoint, event: str, actor: str | None, **details: Any) -> None:
    path = CheckpointPath(checkpoint.training_run_id, kind_of(checkpoint.kind), checkpoint.name)
    audit.write(
        tx,
        checkpoint.tenant,
        event,
        actor=actor,
        tinker_path=str(path),
        training_run_id=checkpoint.training_run_id,
        **details,
    )


def _expired(checkpoint: Checkpoint, now: float) -> bool:
    return checkpoint.expires_at is not None and checkpoint.expires_at <= now
