"""Whose things a request of the control plane is about."""

import re
from typing import Annotated, Final

from fastapi import Query

from mock_server.domain.errors import Invalid
from mock_server.domain.tenants import tenant_of, valid_key

_TENANT: Final = re.compile(r"[0-9a-f]{16}")

KeyQuery = Annotated[
    str | None,
    Query(description="API key of the tenant, or its id as `/__admin/tenants` lists it. Absent: everybody."),
]

OneKeyQuery = Annotated[str, Query(description="API key of the tenant, or its id as `/__admin/tenants` lists it.")]


def one_tenant(api_key: str) -> str:
    """The tenant of a key, or of its own id. Invalid for what is neither."""
    if _TENANT.fullmatch(api_key):
        return api_key
    if not valid_key(api_key):
        raise Invalid("api_key is no key: give the one that the client sends, which begins with tml-")
    return tenant_of(api_key)


def tenant_named(api_key: str | None) -> str | None:
    """The same; None, which is everybody, for None."""
    return None if api_key is None else one_tenant(api_key)
