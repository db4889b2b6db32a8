"""Checkpoints by the million, written straight into a data directory that no server uses."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select, update

from mock_server.store import Store
from mock_server.store.tables import Artifact, Checkpoint, Tenant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mock_server.store import Transaction

_ROWS_A_STATEMENT = 10_000


def seed_checkpoints(data_dir: Path, total: int) -> None:
    """Copy the newest checkpoint of the directory until its tenant has so many. One must have been saved."""
    store = Store.open(data_dir)
    try:
        asyncio.run(store.write(_copy_checkpoint, total))
    finally:
        store.close()


def _copy_checkpoint(transaction: Transaction, total: int) -> None:
    connection = transaction.connection
    table = Checkpoint.__table__  # type: ignore[attr-defined]  # SQLModel does not declare what it makes
    template = dict(connection.execute(select(table).order_by(table.c.number.desc()).limit(1)).mappings().one())
    del template["number"]
    missing = (
        total
        - connection.execute(
            select(func.count()).select_from(table).where(table.c.tenant == template["tenant"])
        ).scalar_one()
    )
    for names in _blocks(missing):
        connection.execute(insert(table), [template | {"name": name} for name in names])
    connection.execute(
        update(Tenant).where(Tenant.id == template["tenant"]).values(checkpoints=Tenant.checkpoints + missing)
    )
    connection.execute(update(Artifact).where(Artifact.id == template["artifact"]).values(refs=Artifact.refs + missing))


def _blocks(count: int) -> Iterator[list[str]]:
    for start in range(0, count, _ROWS_A_STATEMENT):
        yield [f"seeded-{number:07}" for number in range(start, min(start + _ROWS_A_STATEMENT, count))]
