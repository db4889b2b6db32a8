"""Checkpoints: saved, found by path, listed, published, given a time to live, deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Table, or_
from sqlmodel import col, func, select

from mock_server.domain import training_runs
from mock_server.domain.accounts import account, totals
from mock_server.domain.errors import Forbidden, Invalid, NotFound, OperationFailed
from mock_server.domain.paths import CheckpointPath
from mock_server.store import Transaction
from mock_server.store.artifacts import StoredFile
from mock_server.store.tables import Artifact, Checkpoint, TrainingRun

MAX_TTL_SECONDS = 10 * 365 * 86400
"""Ten years, the longest that the SDK's documentation promises."""

NAME_TAKEN = "Checkpoint with the same name already exists. Please choose a different name to avoid overwriting."
"""The real service's own words."""

CHECKPOINTS: Table = Checkpoint.__table__  # type: ignore[attr-defined]  # SQLModel does not declare what it makes


@dataclass(frozen=True)
class SaveOptions:
    """What a save may ask for beside the weights."""

    ttl_seconds: int | None = None
    overwrite: bool = False
    user_metadata: dict[str, Any] | None = None


def save(tx: Transaction, run: TrainingRun, path: CheckpointPath, file: StoredFile, options: SaveOptions) -> Checkpoint:
    """A checkpoint of the run at that path, holding the file. OperationFailed where the name is taken."""
    previous = _at(tx, path)
    if previous is not None and not _expired(previous, tx.now) and not options.overwrite:
        raise OperationFailed(NAME_TAKEN)
    if previous is not None:
        _remove(tx, previous)
    owner = account(tx, run.tenant)
    owner.checkpoints += 1
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
        created_at=tx.now,
        expires_at=None if options.ttl_seconds is None else tx.now + options.ttl_seconds,
    )
    tx.session.add_all([owner, checkpoint])
    tx.session.flush()
    return checkpoint


def readable(tx: Transaction, tenant: str, path: CheckpointPath) -> Checkpoint:
    """The checkpoint, if it is the tenant's own or published."""
    checkpoint = _at(tx, path)
    if checkpoint is None or _expired(checkpoint, tx.now) or not (checkpoint.public or checkpoint.tenant == tenant):
        raise NotFound(f"checkpoint {path} does not exist: it was never saved, was deleted, or has expired")
    return checkpoint


def owned(tx: Transaction, tenant: str, path: CheckpointPath) -> Checkpoint:
    """The checkpoint, if it is the tenant's to change."""
    checkpoint = readable(tx, tenant, path)
    if checkpoint.tenant != tenant:
        raise Forbidden(f"checkpoint {path} is published by someone else: only its owner can change it")
    return checkpoint


def delete(tx: Transaction, tenant: str, path: CheckpointPath) -> None:
    """Delete it for good."""
    _remove(tx, owned(tx, tenant, path))


def set_public(tx: Transaction, tenant: str, path: CheckpointPath, *, public: bool) -> None:
    """Publish or withdraw. Saying it twice is no error: the SDK would take 409 for "try again" and hang."""
    checkpoint = owned(tx, tenant, path)
    checkpoint.public = public
    tx.session.add(checkpoint)


def set_ttl(tx: Transaction, tenant: str, path: CheckpointPath, ttl_seconds: int | None) -> None:
    """Let it expire that many seconds from now, or, with None, never."""
    checkpoint = owned(tx, tenant, path)
    checkpoint.expires_at = None if ttl_seconds is None else tx.now + ttl_seconds
    tx.session.add(checkpoint)


def check_ttl(ttl_seconds: int | None, minimum: int) -> None:
    """Refuse a time to live that the real service refuses."""
    if ttl_seconds is not None and not minimum <= ttl_seconds <= MAX_TTL_SECONDS:
        raise Invalid(f"ttl_seconds is {ttl_seconds}: give {minimum} to {MAX_TTL_SECONDS}, or leave it out")


def of_run(
    tx: Transaction, tenant: str, run_id: str, *, limit: int | None, offset: int
) -> tuple[Sequence[Checkpoint], int]:
    """A run's checkpoints, newest first, and how many there are; only the published ones of another tenant's run."""
    visible = or_(col(Checkpoint.tenant) == tenant, col(Checkpoint.public).is_(True))
    wanted = (Checkpoint.training_run_id == run_id, visible, _unexpired(tx.now))
    newest_first = select(Checkpoint).where(*wanted).order_by(col(Checkpoint.number).desc())
    found = tx.session.exec(newest_first.limit(limit).offset(offset)).all()
    if not found and not offset:
        training_runs.any_status(tx, tenant, run_id)
    total = select(func.count()).select_from(Checkpoint).where(*wanted)
    return found, len(found) if limit is None and not offset else tx.session.exec(total).one()


def page(tx: Transaction, tenant: str, *, limit: int, offset: int) -> tuple[Sequence[Checkpoint], int]:
    """The tenant's checkpoints, newest first, and how many there are in all.

    The total comes from the tenant's counter, less what has expired and is not swept yet.
    """
    mine = Checkpoint.tenant == tenant
    wanted = select(Checkpoint).where(mine, _unexpired(tx.now)).order_by(col(Checkpoint.number).desc())
    found = tx.session.exec(wanted.limit(limit).offset(offset)).all()
    overdue = select(func.count()).select_from(Checkpoint).where(col(Checkpoint.expires_at) <= tx.now, mine)
    return found, totals(tx, tenant).checkpoints - tx.session.exec(overdue).one()


def sweep(tx: Transaction) -> int:
    """Remove what has expired; returns how many."""
    expired = tx.session.exec(select(Checkpoint).where(col(Checkpoint.expires_at) <= tx.now).limit(1000)).all()
    for checkpoint in expired:
        _remove(tx, checkpoint)
    return len(expired)


def content(tx: Transaction, checkpoint: Checkpoint) -> tuple[str, str]:
    """Where its content is: the artifact and the digest that it must have."""
    row = tx.session.get_one(Artifact, checkpoint.artifact)
    return row.id, row.digest


def _at(tx: Transaction, path: CheckpointPath) -> Checkpoint | None:
    here = (Checkpoint.training_run_id == path.run_id, Checkpoint.kind == path.kind, Checkpoint.name == path.name)
    return tx.session.exec(select(Checkpoint).where(*here)).first()


def _remove(tx: Transaction, checkpoint: Checkpoint) -> None:
    owner = account(tx, checkpoint.tenant)
    owner.checkpoints -= 1
    tx.session.add(owner)
    tx.session.delete(checkpoint)
    tx.release_artifact(checkpoint.artifact)


def _expired(checkpoint: Checkpoint, now: float) -> bool:
    return checkpoint.expires_at is not None and checkpoint.expires_at <= now


def _unexpired(now: float) -> ColumnElement[bool]:
    return or_(CHECKPOINTS.c.expires_at.is_(None), CHECKPOINTS.c.expires_at > now)
