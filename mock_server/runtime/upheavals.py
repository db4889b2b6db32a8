"""Upheavals: all that a tenant has is replaced at once, or the server begins a new life. Requests of those whom it
concerns wait meanwhile, and notice that it happened.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mock_server.domain.clocks import EVERYBODY


class Upheavals:
    """Who is in one. count: changes with each beginning and end, so that who awaited something can tell."""

    def __init__(self) -> None:
        self.count = 0
        self._ends: dict[str, asyncio.Event] = {}

    async def over(self, tenant: str) -> None:
        """Return when the tenant is in none; until its next await, the caller can count on that."""
        while self._ends and (end := self._ends.get(tenant) or self._ends.get(EVERYBODY)) is not None:
            await end.wait()

    @asynccontextmanager
    async def of(self, tenant: str) -> AsyncIterator[None]:
        """One at a time of each tenant, or of EVERYBODY."""
        if tenant == EVERYBODY:
            while self._ends:
                await next(iter(self._ends.values())).wait()
        else:
            await self.over(tenant)
        end = self._ends[tenant] = asyncio.Event()
        self.count += 1
        try:
            yield
        finally:
            self.count += 1
            del self._ends[tenant]
            end.set()
