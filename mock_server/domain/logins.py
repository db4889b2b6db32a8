"""Logins through a browser: each is a new user, and is given one key."""

from hashlib import sha256
from hmac import new

from sqlalchemy import func, select

from mock_server.domain.tenants import tenant_of
from mock_server.store import Transaction
from mock_server.store.tables import TENANTS, Tenant


def begin(tx: Transaction) -> str:
    """A new user's id, in the form of a tenant's. The number of accounts decides it, and is one more from then on."""
    number = tx.connection.execute(select(func.count()).select_from(TENANTS)).scalar_one()
    user = tenant_of(f"login {number}")  # no key has a space, so that none can be this user's
    tx.session.add(Tenant(id=user, created_at=tx.now(user)))
    return user


def key_of(user: str, secret: bytes) -> str:
    """The API key of a user, the same whenever it is asked for."""
    digest = new(secret, f"key of {user}".encode(), sha256).hexdigest()
    return f"tml-{digest[:40]}"
