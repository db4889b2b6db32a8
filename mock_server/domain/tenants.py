"""A tenant is an API key: any key of the right form works, and each is a world of its own."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256
from typing import Final

LOCAL_KEY: Final = "tml-local"
"""The key that our own commands hand out; any other `tml-…` key works as well."""

_KEY: Final = re.compile(r"tml-[A-Za-z0-9_.-]+", re.ASCII)
_LONGEST_KEY: Final = 256


@lru_cache(1024)
def valid_key(key: str) -> bool:
    """Whether a key has the official form: `tml-` and at least one of [A-Za-z0-9_.-], 256 characters at most."""
    return len(key) <= _LONGEST_KEY and _KEY.fullmatch(key) is not None


def owner_urn(tenant: str) -> str:
    """How answers name whose something is. A tenant is one user and an organization of its own."""
    return f"tml:user:{tenant}"


@lru_cache(1024)
def tenant_of(api_key: str) -> str:
    """The tenant's id, 16 hexadecimal digits; it stands in addresses and rows, where the key itself must not."""
    return sha256(api_key.encode()).hexdigest()[:16]
