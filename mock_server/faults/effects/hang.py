"""No answer comes."""

import asyncio
from contextlib import suppress

from mock_server.faults.connection import ConnectionEnded
from mock_server.faults.exchange import Exchange
from mock_server.faults.registry import Effect, fault


@fault("hang", "before_handler", "after_commit")
class Hang(Effect):
    """No answer comes, until the client gives up or `seconds` have passed and the connection is closed."""

    seconds: float = 120.0

    async def strike(self, exchange: Exchange) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(exchange.connection.client_gone(), self.seconds)
        exchange.connection.close()
        raise ConnectionEnded
