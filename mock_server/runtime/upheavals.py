"""Upheavals: all that a tenant has is replaced at once. Its requests wait meanwhile, and notice that it happened."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Upheavals:
    """Who is in one. count: changes with each beginning and end, so that who awaited something can tell."""

    def __init__(self) -> None:
        self.count = 0
        self._ends: dict[str, asyncio.Event] = {}

    async def over(self, tenant: str) -> None:
        """Return when the tenant is in none; until its next await, the caller can count on that."""
        while (end := self._ends.get(tenant)) is not None:
            await end.wait()

    @asynccontextmanager
    async def of(self, tenant: str) -> AsyncIterator[None]:
        """One at a time of each tenant."""
        await self.over(tenant)
        end = self._ends[tenant] = asyncio.Event()
        self.count += 1
        try:
            yield
        finally:
            self.count += 1
            del self._ends[tenant]
            end.set()
