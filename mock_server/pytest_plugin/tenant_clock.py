"""A test's own time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mock_server.admin_client import AdminClient


class TenantClock:
    """The clock by which everything of this tenant waits and expires. It goes by itself until `hold` stops it."""

    def __init__(self, client: AdminClient, api_key: str) -> None:
        self._client = client
        self._api_key = api_key

    @property
    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return float(self._client.get("/clock", api_key=self._api_key)["now"])

    def set(self, mode: str) -> None:
        """`real`, `manual` (stands still until it is advanced) or `auto` (jumps to what is waited for)."""
        self._client.ask("PUT", "/clock", {"mode": mode, "api_key": self._api_key})

    def advance(self, seconds: float) -> None:
        """Let so much time pass, and everything happen that is due by then. Stops a clock that goes by itself."""
        if self._client.get("/clock", api_key=self._api_key)["mode"] == "real":
            self.set("manual")
        self._client.ask("POST", "/clock/advance", {"seconds": seconds, "api_key": self._api_key})
