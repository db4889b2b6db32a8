"""The connection is reset."""

from pydantic import Field

from mock_server.faults.connection import ConnectionEnded
from mock_server.faults.exchange import Exchange
from mock_server.faults.pieces import cut
from mock_server.faults.registry import Effect, fault


@fault("reset", "before_handler", "after_commit", "in_body")
class Reset(Effect):
    """The TCP connection is reset instead of answered; after_commit, the work is already done; in_body, the reset comes
    behind the first `after_bytes` of the body or after `after_seconds`, whatever is first (behind the head without).
    """

    after_bytes: int | None = Field(default=None, ge=0, description="In in_body only.")
    after_seconds: float | None = Field(default=None, ge=0, le=86_400, description="In in_body only.")

    async def strike(self, exchange: Exchange) -> None:
        if exchange.phase == "in_body":
            cut(exchange, exchange.connection.reset, self.after_bytes, self.after_seconds)
        else:
            exchange.connection.reset()
            raise ConnectionEnded
