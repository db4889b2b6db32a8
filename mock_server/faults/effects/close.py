"""The reply is empty."""

from mock_server.faults.connection import ConnectionEnded
from mock_server.faults.exchange import Exchange
from mock_server.faults.registry import Effect, fault


@fault("close", "before_handler", "after_commit")
class Close(Effect):
    """The connection is closed without a byte of an answer; after_commit, the work is already done."""

    async def strike(self, exchange: Exchange) -> None:
        exchange.connection.close()
        raise ConnectionEnded
