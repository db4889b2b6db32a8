"""A session's timeline: its operations with their times, as the JSON trace events that ui.perfetto.dev opens."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, select

from mock_server.domain import sessions
from mock_server.store import Query, Transaction
from mock_server.store.tables import OPERATIONS, Operation

MICROSECONDS: Final = 1_000_000
PAGE: Final = 1000
"""Operations that one read fetches: a long session must not keep the server from others."""

_PAGE: Final = Query[Operation](
    select(
        OPERATIONS.c.id, OPERATIONS.c.kind, OPERATIONS.c.seq_id, OPERATIONS.c.position, OPERATIONS.c.state,
        OPERATIONS.c.error, OPERATIONS.c.created_at, OPERATIONS.c.finished_at,
    )
    .where(OPERATIONS.c.target == bindparam("target"), OPERATIONS.c.position > bindparam("after"))
    .order_by(OPERATIONS.c.position)
    .limit(PAGE)
)  # fmt: skip


def targets(tx: Transaction, tenant: str, session_id: str) -> list[str]:
    """The session's training runs and samplers, each a track of the trace."""
    content = sessions.content(tx, tenant, session_id)
    return [*content.training_run_ids, *content.sampler_ids]


def page(tx: Transaction, target: str, after: int) -> Sequence[Operation]:
    """The operations of a run or sampler behind a position, as far as one page goes."""
    return tx.rows(_PAGE, target=target, after=after)


def track(process: int, target: str) -> dict[str, Any]:
    """The event that names a track."""
    return {"name": "process_name", "ph": "M", "pid": process, "args": {"name": target}}


def span(process: int, operation: Operation) -> Iterator[dict[str, Any]]:
    """An operation from its acceptance to its end; only its beginning, while it has none or its result has expired.

    Asynchronous events, since operations overlap: most are accepted while others are still under way.
    """
    common = {"name": operation.kind, "cat": "operation", "id": operation.id, "pid": process, "tid": process}
    details = {"seq_id": operation.seq_id, "state": operation.state, "error": operation.error}
    yield {**common, "ph": "b", "ts": round(operation.created_at * MICROSECONDS), "args": details}
    if operation.finished_at is not None:
        yield {**common, "ph": "e", "ts": round(operation.finished_at * MICROSECONDS)}
