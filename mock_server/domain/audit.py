"""The audit log: what happened to a tenant's checkpoints, sessions and projects, written with what happened."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import bindparam, select

from mock_server.domain.tenants import owner_urn
from mock_server.store import Command, Query, Transaction
from mock_server.store.tables import AUDIT, AuditEntry

RESOURCES: Final = ("checkpoints", "projects", "sessions", "teams", "organizations")
"""What entries can be asked for. There are no teams and organizations here, so nothing happens to them."""

_WRITE: Final = Command(AUDIT.insert().values({name: bindparam(name) for name in ("tenant", "at", "event", "details")}))
_BETWEEN: Final = Query[AuditEntry](
    select(AUDIT)
    .where(AUDIT.c.tenant == bindparam("tenant"), AUDIT.c.at >= bindparam("first"), AUDIT.c.at < bindparam("end"))
    .order_by(AUDIT.c.at, AUDIT.c.number)
)


def write(tx: Transaction, tenant: str, event: str, *, actor: str | None = None, **details: Any) -> None:
    """Note that something of the tenant's was dealt with. `actor`: the tenant that did it, None for time itself."""
    by = {} if actor is None else {"actor": owner_urn(actor)}
    tx.run(_WRITE, tenant=tenant, at=tx.now(tenant), event=event, details={**by, **details})


def between(tx: Transaction, tenant: str, first: float, end: float, resource: str) -> Sequence[AuditEntry]:
    """Entries of [first, end), oldest first, of one of RESOURCES or of `all`."""
    entries = tx.rows(_BETWEEN, tenant=tenant, first=first, end=end)
    if resource == "all":
        return entries
    prefix = resource.removesuffix("s") + "_"
    return [entry for entry in entries if entry.event.startswith(prefix)]
