"""Tells once that a tenant works with a tokenizer of ours, so that only ids of that tokenizer are sampled for it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

OnServed = Callable[[str, str], Awaitable[None]]
"""Awaited with the tenant and the repository before that repository's tokenizer is used for the first time."""

_MOST_REMEMBERED: Final = 10_000
_log = logging.getLogger(__name__)


class FirstServed:
    """Calls back for the first request of each tenant for each repository, and is silent about later ones.

    Beyond 10,000 pairs it forgets them all, to stay small; the callback must bear being told something twice.
    """

    def __init__(self, on_served: OnServed) -> None:
        self._on_served = on_served
        self._told: set[tuple[str, str]] = set()

    async def tell(self, tenant: str, repository: str) -> None:
        pair = tenant, repository
        if pair in self._told:
            return
        if len(self._told) >= _MOST_REMEMBERED:
            self._told.clear()
        try:
            await self._on_served(tenant, repository)
        except Exception:  # noqa: BLE001 (whatever fails there, clients retry a 5xx five times)
            # A tokenizer that is served but not noted beats one that is not served; the next request tries again.
            _log.exception("Could not note that tenant %s uses the tokenizer of %s", tenant, repository)
        else:
            self._told.add(pair)
