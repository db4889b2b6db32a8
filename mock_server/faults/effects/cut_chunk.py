"""A chunk ends in its middle."""

from pydantic import Field

from mock_server.faults.connection import ConnectionEnded
from mock_server.faults.exchange import Exchange, Pieces
from mock_server.faults.pieces import first
from mock_server.faults.registry import Effect, fault


@fault("cut_chunk", "in_body")
class CutChunk(Effect):
    """The body comes in chunks (Transfer-Encoding: chunked), and the connection closes within the one that begins
    behind the first `bytes`: it promises `promised` bytes, and `arriving` of them come.
    """

    bytes: int = Field(default=0, ge=0)
    promised: int = Field(default=4096, ge=1)
    arriving: int = Field(default=16, ge=0)

    async def strike(self, exchange: Exchange) -> None:
        exchange.answered.announced = None
        exchange.answered.pieces = self._cut(exchange, exchange.answered.pieces)

    async def _cut(self, exchange: Exchange, pieces: Pieces) -> Pieces:
        async for piece in first(pieces, self.bytes):
            yield piece
        arriving = min(self.arriving, self.promised - 1)
        exchange.connection.write(b"%x\r\n" % self.promised + bytes(arriving))
        exchange.connection.close()
        raise ConnectionEnded
