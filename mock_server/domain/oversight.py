"""Tenants and their runs as the server holds them: what an overseer sees, who is not the client."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, bindparam, func, select

from mock_server.domain.errors import NotFound
from mock_server.domain.training_runs import unknown
from mock_server.store import Query, Transaction
from mock_server.store.tables import (
    CHECKPOINTS,
    OPERATIONS,
    RUNS,
    SAMPLERS,
    SESSIONS,
    TENANTS,
    Checkpoint,
    Tenant,
    TrainingRun,
)

_OF_RUN: Final = OPERATIONS.c.target == bindparam("run")
_TENANTS: Final = Query[Tenant](select(TENANTS).order_by(TENANTS.c.created_at, TENANTS.c.id))
_RUNS: Final = Query[TrainingRun](select(RUNS).where(RUNS.c.tenant == bindparam("tenant")).order_by(RUNS.c.number))
_ALL_RUNS: Final = Query[TrainingRun](select(RUNS).order_by(RUNS.c.number))
_RUN: Final = Query[TrainingRun](select(RUNS).where(RUNS.c.id == bindparam("run")))
_CHECKPOINTS: Final = Query[Checkpoint](
    select(CHECKPOINTS).where(CHECKPOINTS.c.training_run_id == bindparam("run")).order_by(CHECKPOINTS.c.number)
)
_OWN_CHECKPOINTS: Final = Query[Checkpoint](
    select(CHECKPOINTS).where(CHECKPOINTS.c.tenant == bindparam("tenant")).order_by(CHECKPOINTS.c.number)
)


def _number(table: Table, *which: ColumnElement[bool]) -> Query[Any]:
    mine = table.c.tenant == bindparam("tenant")
    return Query(select(func.count().label("total")).select_from(table).where(mine, *which))


_SESSIONS: Final = _number(SESSIONS)
_SAMPLERS: Final = _number(SAMPLERS)
_UNFINISHED: Final = _number(OPERATIONS, OPERATIONS.c.state == "queued")
_BY_STATE: Final = Query[Any](
    select(
        OPERATIONS.c.state,
        func.count().label("operations"),
        func.max(OPERATIONS.c.seq_id).label("last_seq_id"),
    )
    .where(_OF_RUN)
    .group_by(OPERATIONS.c.state)
)


@dataclass(frozen=True)
class RunState:
    """A run with what it was asked and did.

    optimizer_steps: that its weights have behind them. last_seq_id: the highest of an operation that has ended.
    operations: how many there are by their state. checkpoints: oldest first, expired ones included.
    """

    run: TrainingRun
    last_seq_id: int | None
    operations: dict[str, int]
    checkpoints: Sequence[Checkpoint]


@dataclass(frozen=True)
class Belongings:
    """All of one tenant: runs and checkpoints in the order of their making, how many there are of the others.

    runs: without those whose creation failed. checkpoints: expired ones included. unfinished: operations.
    """

    runs: Sequence[TrainingRun]
    checkpoints: Sequence[Checkpoint]
    sessions: int
    samplers: int
    unfinished: int


def belongings(tx: Transaction, tenant: str) -> Belongings:
    """What the tenant has at this moment."""
    return Belongings(
        [run for run in tx.rows(_RUNS, tenant=tenant) if run.status != "failed"],
        tx.rows(_OWN_CHECKPOINTS, tenant=tenant),
        *(tx.rows(query, tenant=tenant)[0].total for query in (_SESSIONS, _SAMPLERS, _UNFINISHED)),
    )


def tenants(tx: Transaction) -> Sequence[Tenant]:
    """All that have something, oldest first."""
    return tx.rows(_TENANTS)


def runs(tx: Transaction, tenant: str | None) -> list[RunState]:
    """The tenant's runs, or everybody's, oldest first."""
    found = tx.rows(_ALL_RUNS) if tenant is None else tx.rows(_RUNS, tenant=tenant)
    return [_state(tx, run) for run in found]


def run(tx: Transaction, run_id: str) -> RunState:
    """One run, whoever's it is. NotFound."""
    found = tx.row(_RUN, run=run_id)
    if found is None:
        raise NotFound(unknown(run_id))
    return _state(tx, found)


def _state(tx: Transaction, run: TrainingRun) -> RunState:
    by_state = tx.rows(_BY_STATE, run=run.id)
    operations = {row.state: counted.operations for row, counted in by_state}
    ended = [counted.last_seq_id for row, counted in by_state if row.state != "queued"]
    last = max((seq_id for seq_id in ended if seq_id is not None), default=None)
    return RunState(run, last, operations, tx.rows(_CHECKPOINTS, run=run.id))
