"""Which seed data a tenant was last given: what a reset goes back to. Outlives what the tenant has."""

import json
from typing import Any

from sqlalchemy import select

from mock_server.store import Transaction
from mock_server.store.tables import META


def note(tx: Transaction, tenant: str, seed: str | dict[str, Any]) -> None:
    """From now on the tenant's are these: a name, or the data themselves."""
    values = {"value": json.dumps(seed)}
    if not tx.connection.execute(META.update().where(META.c.key == _key(tenant)).values(values)).rowcount:
        tx.connection.execute(META.insert().values(key=_key(tenant), **values))


def noted(tx: Transaction, tenant: str) -> str | dict[str, Any] | None:
    """What was noted last; None for a tenant that was never given any."""
    text: str | None = tx.connection.execute(select(META.c.value).where(META.c.key == _key(tenant))).scalar()
    seed: str | dict[str, Any] | None = None if text is None else json.loads(text)
    return seed


def _key(tenant: str) -> str:
    return f"seed_data/{tenant}"
