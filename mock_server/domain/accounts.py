"""A tenant's own row: its counters, and which tokenizers our hub served to it."""

from typing import Final

from sqlalchemy import bindparam, select

from mock_server.store import Command, Query, Transaction
from mock_server.store.tables import TENANTS, Tenant

_ACCOUNT: Final = Query[Tenant](select(TENANTS).where(TENANTS.c.id == bindparam("tenant")))
_COUNTERS: Final = ("sessions", "training_runs", "checkpoints")
_COUNT: Final = Command(
    TENANTS.update()
    .where(TENANTS.c.id == bindparam("tenant"))
    .values({name: TENANTS.c[name] + bindparam(f"more_{name}") for name in _COUNTERS})
)


def totals(tx: Transaction, tenant: str) -> Tenant:
    """The tenant's counters, to read only: all zero for a key that never wrote anything."""
    return tx.row(_ACCOUNT, tenant=tenant) or Tenant(id=tenant, created_at=tx.now(tenant))


def count(tx: Transaction, tenant: str, *, sessions: int = 0, training_runs: int = 0, checkpoints: int = 0) -> None:
    """So many more (or fewer) of the tenant's own, so that no list has to count them."""
    more = {"more_sessions": sessions, "more_training_runs": training_runs, "more_checkpoints": checkpoints}
    if not tx.run(_COUNT, tenant=tenant, **more):
        _open_account(tx, tenant)
        tx.run(_COUNT, tenant=tenant, **more)


def tokenizer_served(tx: Transaction, tenant: str, repository: str) -> None:
    """Remember that the tenant speaks the ids of our own tokenizers, so that its models' prior lives on them."""
    served = totals(tx, tenant).hub_models
    if repository not in served:
        mine = TENANTS.c.id == tenant
        update = TENANTS.update().where(mine).values(hub_models=[*served, repository])
        if not tx.connection.execute(update).rowcount:
            _open_account(tx, tenant)
            tx.connection.execute(update)


def uses_our_tokenizers(tx: Transaction, tenant: str) -> bool:
    return bool(totals(tx, tenant).hub_models)


def delete_key(tx: Transaction, tenant: str) -> None:
    """Remember that the tenant's key was deleted."""
    deletion = TENANTS.update().where(TENANTS.c.id == tenant).values(key_deleted_at=tx.now(tenant))
    if not tx.connection.execute(deletion).rowcount:
        _open_account(tx, tenant)
        tx.connection.execute(deletion)


def deleted_keys(tx: Transaction) -> list[str]:
    """The tenants whose keys were deleted."""
    deleted = select(TENANTS.c.id).where(TENANTS.c.key_deleted_at.is_not(None))
    return list(tx.connection.execute(deleted).scalars())


def _open_account(tx: Transaction, tenant: str) -> None:
    """Any key is an account; its row is made when there is something to say of it."""
    tx.session.add(Tenant(id=tenant, created_at=tx.now(tenant)))
    tx.flush()
