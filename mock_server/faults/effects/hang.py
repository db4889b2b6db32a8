"""No answer comes."""

import asyncio

from pydantic import Field

from mock_server.faults.connection import ConnectionEnded
from mock_server.faults.exchange import Exchange
from mock_server.faults.registry import Effect, fault


@fault("hang", "before_handler", "after_commit")
class Hang(Effect):
    """No answer comes, until the client gives up or `seconds` have passed and the connection is closed."""

    seconds: float = Field(default=120.0, gt=0, le=86_400)

    async def strike(self, exchange: Exchange) -> None:
        over = asyncio.create_task(exchange.wait(self.seconds))
        gone = asyncio.create_task(exchange.connection.client_gone())
        try:
            await asyncio.wait((over, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
            gone.cancel()
        exchange.connection.close()
        raise ConnectionEnded
