"""A test's own time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mock_server.admin_client import AdminClient


class TenantClock:
    """The clock by which everything of this tenant waits and expires (docs/clock.md). It passes by itself at first."""

    def __init__(self, client: AdminClient, api_key: str) -> None:
        self._client = client
        self._api_key = api_key

    @property
    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return float(self._shown("now"))

    @property
    def waiting(self) -> int:
        """How many requests of the tenant wait at the server for time to pass."""
        return int(self._shown("waiting"))

    def set(self, mode: str) -> None:
        """`real`, `manual` (stands until it is advanced) or `auto` (skips what a client only waits through)."""
        self._client.ask("PUT", "/clock", {"mode": mode, "api_key": self._api_key})

    def advance(self, seconds: float) -> None:
        """Let so much time pass, in any mode; returns when all has happened that fell due."""
        self._client.ask("POST", "/clock/advance", {"seconds": seconds, "api_key": self._api_key})

    def _shown(self, name: str) -> Any:
        return self._client.get("/clock", api_key=self._api_key)[name]
