"""Tenants' clocks, kept so that no time goes backwards when the server starts again."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, select
from sqlmodel import select as select_rows

from mock_server.store import Transaction
from mock_server.store.tables import CLOCKS, Clock

EVERYBODY: Final = ""
"""In the place of a tenant: the clock of all who have none of their own."""


def kept(tx: Transaction) -> Sequence[Clock]:
    """All clocks that do not just show the machine's time."""
    return tx.session.exec(select_rows(Clock)).all()


def keep(tx: Transaction, clock: Clock) -> None:
    """Write down what this clock shows from now on."""
    forget(tx, clock.tenant)
    tx.connection.execute(CLOCKS.insert().values(clock.model_dump()))


def forget(tx: Transaction, tenant: str) -> None:
    """The tenant has no clock of its own from now on."""
    tx.connection.execute(CLOCKS.delete().where(CLOCKS.c.tenant == tenant))


def lives_by(clock: str, tenant: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a row's tenant goes by this clock: it is its own, or it has none and the clock is EVERYBODY's."""
    return tenant == clock if clock != EVERYBODY else tenant.not_in(select(CLOCKS.c.tenant))
