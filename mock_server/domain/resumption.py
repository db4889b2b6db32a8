"""What a life of the server goes on from: what the last one left unfinished, and what has ended of each target."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import bindparam, func, select

from mock_server.domain import ids
from mock_server.domain.operations import CHANGES_STATE, OF_TARGET, QUEUED, one_of
from mock_server.store import Query, Transaction
from mock_server.store.tables import ARTIFACTS, OPERATIONS, Operation

_COLUMNS: Final = OPERATIONS.c
_ENDED: Final = one_of(_COLUMNS.state, ("succeeded", "failed", "cancelled"))
_HEADER: Final = [_COLUMNS[name] for name in ("id", "tenant", "kind", "target", "seq_id", "position", "state")]
_UNFINISHED: Final = Query[Any](select(*_HEADER).where(QUEUED).order_by(_COLUMNS.target, _COLUMNS.position))
_REPLAYABLE: Final = Query[Any](
    select(*_HEADER)
    # An expired failure has kept its error: it changed nothing, and would fail again.
    .where(
        OF_TARGET,
        _COLUMNS.position > bindparam("after"),
        one_of(_COLUMNS.state, ("succeeded", "expired")),
        CHANGES_STATE,
        _COLUMNS.error.is_(None),
    )
    .order_by(_COLUMNS.position)
)
_ENDED_SAMPLES: Final = Query[Any](
    select(*_HEADER, func.coalesce(func.length(_COLUMNS.result), ARTIFACTS.c.size_bytes, 0).label("size"))
    .select_from(OPERATIONS.outerjoin(ARTIFACTS, ARTIFACTS.c.id == _COLUMNS.result_file))
    .where(OF_TARGET, _ENDED)
    .order_by(_COLUMNS.position)
)
_FIRST_QUEUED: Final = Query[Any](select(func.min(_COLUMNS.position).label("position")).where(OF_TARGET, QUEUED))
_LAST_ENDED: Final = Query[Any](
    select(func.max(_COLUMNS.position).label("position")).where(
        OF_TARGET, _COLUMNS.position < bindparam("before"), ~QUEUED
    )
)
_ENDED_AHEAD: Final = Query[Operation](
    select(_COLUMNS.seq_id).where(
        OF_TARGET,
        _COLUMNS.position > bindparam("after"),
        _COLUMNS.seq_id.is_not(None),
        ~QUEUED,
    )
)


def unfinished(tx: Transaction) -> Sequence[Any]:
    """All operations left over from the last time the server ran, each target's in its order."""
    return tx.rows(_UNFINISHED)


def replayable(tx: Transaction, target: str, *, after: int) -> Sequence[Any]:
    """The ended operations behind a position that left a trace in the run's state, in their order."""
    return tx.rows(_REPLAYABLE, target=target, after=after)


def ended_samples(tx: Transaction, sampler_id: str) -> Sequence[Any]:
    """A sampler's samples that ended and whose results can be fetched still, each with its result's `size` in bytes."""
    return tx.rows(_ENDED_SAMPLES, target=sampler_id)


def last_position(tx: Transaction, target: str) -> int | None:
    """The place of the newest operation that has ended and that none still queued stands before."""
    first_queued = tx.rows(_FIRST_QUEUED, target=target)[0].position
    before = ids.END_OF_POSITIONS if first_queued is None else first_queued
    position: int | None = tx.rows(_LAST_ENDED, target=target, before=before)[0].position
    return position


def ended_ahead(tx: Transaction, target: str, *, after: int) -> set[int]:
    """The seq_ids behind a position that are used up already: refused requests, for which no turn will come."""
    return {row.seq_id for row in tx.rows(_ENDED_AHEAD, target=target, after=after) if row.seq_id is not None}
