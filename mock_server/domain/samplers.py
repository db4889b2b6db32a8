"""Samplers (sampling sessions): weights to sample from as of one moment, or a base model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import bindparam, func
from sqlmodel import select

from mock_server.domain import checkpoints, ids
from mock_server.domain.errors import Conflict, Invalid, NotFound
from mock_server.domain.paths import CheckpointPath
from mock_server.domain.sessions import open_session
from mock_server.store import Query, Transaction
from mock_server.store.tables import SAMPLERS, Sampler, TrainingRun

Origin = Literal["created", "saved"]

_MINE: Final = SAMPLERS.c.tenant == bindparam("tenant")
_PAGE: Final = Query[Sampler](
    SAMPLERS.select()
    .where(_MINE)
    .order_by(SAMPLERS.c.number.desc())
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)
_TOTAL: Final = Query[Any](select(func.count().label("total")).where(_MINE))


@dataclass(frozen=True)
class NewSampler:
    """What a client says of the sampler that it creates: a base model, or the checkpoint to sample from."""

    session_id: str
    sampling_session_seq_id: int
    base_model: str | None = None
    model_path: str | None = None


def create(tx: Transaction, tenant: str, new: NewSampler) -> Sampler:
    """A sampler, or the one that the same call made before."""
    open_session(tx, tenant, new.session_id)
    if new.model_path is None and new.base_model is None:
        raise Invalid("base_model and model_path are both absent: give one of them")
    existing = _made_as(tx, new.session_id, "created", new.sampling_session_seq_id)
    if existing is not None:
        if existing.model_path != new.model_path or new.base_model not in {None, existing.base_model}:
            raise Conflict(
                f"sampling_session_seq_id {new.sampling_session_seq_id} of session {new.session_id!r} already names a "
                f"sampler of {existing.model_path or existing.base_model}: use the next number"
            )
        return existing
    sampler = _blank(tx, tenant, new.session_id, "created", new.sampling_session_seq_id)
    if new.model_path is not None:
        checkpoint = checkpoints.loadable(tx, tenant, CheckpointPath.parse(new.model_path, "model_path"))
        if new.base_model not in {None, checkpoint.base_model}:
            raise Invalid(
                f"base_model is {new.base_model!r}, but {new.model_path} was trained from {checkpoint.base_model!r}: "
                "leave base_model out"
            )
        checkpoints.was_read(tx, tenant, checkpoint, "sampling")
        # The sampler keeps its weights even if the checkpoint is deleted later.
        tx.keep_artifact(checkpoint.artifact)
        sampler.base_model = checkpoint.base_model
        sampler.model_path = new.model_path
        sampler.artifact = checkpoint.artifact
        sampler.prior_size, sampler.prior_fixed = checkpoint.prior_size, True
    else:
        assert new.base_model is not None, "one of the two is there"
        sampler.base_model = new.base_model
    tx.session.add(sampler)
    tx.session.flush()
    return sampler


def saved(tx: Transaction, run: TrainingRun, number: int, artifact: str) -> Sampler:
    """The sampler that save_weights_for_sampler makes when it is given no path. Takes over the artifact's reference."""
    existing = _made_as(tx, run.session_id, "saved", number)
    if existing is not None:
        raise Invalid(
            f"sampling_session_seq_id {number} of session {run.session_id!r} already names a sampler: "
            "use the next number"
        )
    sampler = _blank(tx, run.tenant, run.session_id, "saved", number)
    sampler.base_model = run.base_model
    sampler.artifact = artifact
    sampler.prior_size, sampler.prior_fixed = run.prior_size, True
    tx.session.add(sampler)
    tx.session.flush()
    return sampler


def owned(tx: Transaction, tenant: str, sampler_id: str) -> Sampler:
    """The tenant's sampler of that id."""
    sampler = tx.session.exec(select(Sampler).where(Sampler.id == sampler_id)).first()
    if sampler is None or sampler.tenant != tenant:
        raise NotFound(f"sampling session {sampler_id!r} does not exist: create one with create_sampling_session")
    return sampler


def page(tx: Transaction, tenant: str, *, limit: int, offset: int) -> tuple[Sequence[Sampler], int]:
    """The tenant's samplers, newest first, and how many there are in all."""
    return tx.rows(_PAGE, tenant=tenant, limit=limit, offset=offset), tx.rows(_TOTAL, tenant=tenant)[0].total


def join(tx: Transaction, tenant: str, sampler_id: str) -> int:
    """Count one more copy of its client; each numbers its requests in a block of its own."""
    sampler = owned(tx, tenant, sampler_id)
    sampler.clients += 1
    tx.session.add(sampler)
    return sampler.clients


def _made_as(tx: Transaction, session_id: str, origin: Origin, number: int) -> Sampler | None:
    made = (Sampler.session_id == session_id, Sampler.origin == origin, Sampler.sampling_session_seq_id == number)
    return tx.session.exec(select(Sampler).where(*made)).first()


def _blank(tx: Transaction, tenant: str, session_id: str, origin: Origin, number: int) -> Sampler:
    sampler_id = ids.sampler_id(session_id, number)
    if tx.session.exec(select(Sampler.number).where(Sampler.id == sampler_id)).first() is not None:
        # Tinkex numbers its two kinds of sampler separately: the second kind gets an id beside the first.
        sampler_id = f"{sampler_id}-{origin}"
    return Sampler(
        id=sampler_id, tenant=tenant, session_id=session_id, origin=origin, sampling_session_seq_id=number,
        base_model="", created_at=tx.now(tenant),
    )  # fmt: skip
