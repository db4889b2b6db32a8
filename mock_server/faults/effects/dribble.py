"""The body comes in drops."""

from pydantic import Field

from mock_server.faults.exchange import Exchange
from mock_server.faults.registry import Effect, fault


@fault("dribble", "in_body")
class Dribble(Effect):
    """The body arrives in pieces of `bytes`, each `seconds` after the one before."""

    bytes: int = Field(default=64, gt=0)
    seconds: float = Field(default=0.05, ge=0, le=60)

    async def strike(self, exchange: Exchange) -> None:
        exchange.dribble = self.bytes, self.seconds
