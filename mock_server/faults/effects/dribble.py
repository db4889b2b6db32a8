"""The body comes in drops."""

from pydantic import Field

from mock_server.faults.exchange import Exchange, Pieces
from mock_server.faults.registry import Effect, fault


@fault("dribble", "in_body")
class Dribble(Effect):
    """The body arrives in pieces of `bytes`, each `seconds` after the one before."""

    bytes: int = Field(default=64, gt=0)
    seconds: float = Field(default=0.05, ge=0, le=60)

    async def strike(self, exchange: Exchange) -> None:
        exchange.answered.pieces = self._drops(exchange, exchange.answered.pieces)

    async def _drops(self, exchange: Exchange, pieces: Pieces) -> Pieces:
        due: float | None = None
        async for piece in pieces:
            for start in range(0, len(piece), self.bytes):
                # By when each is due: a clock that is moved on brings all pieces of that time.
                due = exchange.clock.now() if due is None else due + self.seconds
                await exchange.wait(due - exchange.clock.now())
                yield piece[start : start + self.bytes]
