"""What is forgotten of operations: results whose time is over, and what was asked once a snapshot stands for it."""

from collections.abc import Sequence
from typing import Final, Literal

from sqlalchemy import ColumnElement, and_, select, union_all

from mock_server.domain import ids
from mock_server.domain.clocks import EVERYBODY, lives_by
from mock_server.domain.operations import CHANGES_STATE
from mock_server.store import Transaction
from mock_server.store.tables import OPERATIONS, RUNS, SAMPLERS, SESSIONS

_COLUMNS: Final = OPERATIONS.c


def drop_failures(tx: Transaction, target: str, creation: str) -> bool:
    """Free the numbers of a target's operations if all of them have failed, its creation aside; returns whether it did.

    They changed nothing.
    """
    rest = (_COLUMNS.target == target, _COLUMNS.id != creation)
    failed = and_(*rest, _COLUMNS.state == "failed")
    states = tx.connection.execute(select(_COLUMNS.state).where(*rest).distinct()).scalars().all()
    if states != ["failed"]:
        return False
    _release_files(tx, "body_file", failed)
    tx.connection.execute(OPERATIONS.delete().where(failed))
    return True


def drop_bodies(tx: Transaction, target: str, *, after: int, through: int) -> None:
    """Forget what was asked between two positions: a snapshot stands for it now."""
    covered = (_COLUMNS.target == target) & _COLUMNS.position.between(after + 1, through)
    _release_files(tx, "body_file", covered)
    tx.connection.execute(OPERATIONS.update().where(covered).values(body=None, body_file=None))


def expire(tx: Transaction, clock: str, *, after: float, limit: int = 5000) -> Sequence[str]:
    """Let results go that ended so many seconds ago by this clock; returns their operations' ids.

    The rows stay, so that a late retry is known.
    """
    overdue = _COLUMNS.finished_at <= tx.now(clock) - after
    of_clock = _of_tenant(clock) if clock != EVERYBODY else lives_by(clock, _COLUMNS.tenant)
    chosen = tx.connection.execute(select(_COLUMNS.id).where(of_clock, overdue).limit(limit)).scalars().all()
    let_go(tx, chosen)
    return chosen


def _of_tenant(tenant: str) -> ColumnElement[bool]:
    """A tenant's operations, by what they belong to: an index by tenant would be paid by every step."""
    owners = [select(table.c.id).where(table.c.tenant == tenant) for table in (RUNS, SAMPLERS, SESSIONS)]
    return _COLUMNS.target.in_(union_all(*owners)) | (_COLUMNS.target == ids.copies_of(tenant))


def let_go(tx: Transaction, operation_ids: Sequence[str]) -> None:
    """Forget the results of operations that have ended."""
    if not operation_ids:
        return
    expired = _COLUMNS.id.in_(operation_ids)
    # What was asked goes too, unless it is part of a run's log.
    unneeded = expired & ~CHANGES_STATE
    _release_files(tx, "result_file", expired)
    _release_files(tx, "body_file", unneeded)
    tx.connection.execute(OPERATIONS.update().where(unneeded).values(body=None, body_file=None))
    tx.connection.execute(
        OPERATIONS.update().where(expired).values(state="expired", result=None, result_file=None, finished_at=None)
    )


def _release_files(tx: Transaction, column: Literal["body_file", "result_file"], which: ColumnElement[bool]) -> None:
    file = _COLUMNS[column]
    for name in tx.connection.execute(select(file).where(which, file.is_not(None))).scalars().all():
        tx.release_artifact(name)
