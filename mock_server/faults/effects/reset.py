"""The connection is reset."""

from mock_server.faults.connection import ConnectionEnded
from mock_server.faults.exchange import Exchange
from mock_server.faults.registry import Effect, fault


@fault("reset", "before_handler", "after_commit")
class Reset(Effect):
    """The TCP connection is reset instead of answered; after_commit, the work is already done."""

    async def strike(self, exchange: Exchange) -> None:
        exchange.connection.reset()
        raise ConnectionEnded
