"""A tenant's own row: its counters, and which tokenizers our hub served to it."""

from mock_server.store import Transaction
from mock_server.store.tables import Tenant


def account(tx: Transaction, tenant: str) -> Tenant:
    """The tenant's row, made at the first need: any key is an account."""
    row = tx.session.get(Tenant, tenant)
    if row is None:
        row = Tenant(id=tenant, created_at=tx.now)
        tx.session.add(row)
    return row


def totals(tx: Transaction, tenant: str) -> Tenant:
    """The tenant's counters, to read only: all zero for a key that never wrote anything."""
    return tx.session.get(Tenant, tenant) or Tenant(id=tenant, created_at=tx.now)


def tokenizer_served(tx: Transaction, tenant: str, repository: str) -> None:
    """Remember that the tenant speaks the ids of our own tokenizers, so that its models' prior lives on them."""
    row = account(tx, tenant)
    if repository not in row.hub_models:
        row.hub_models = [*row.hub_models, repository]
        tx.session.add(row)


def uses_our_tokenizers(tx: Transaction, tenant: str) -> bool:
    return bool(totals(tx, tenant).hub_models)
