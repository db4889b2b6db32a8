"""The body is noise."""

from random import Random

from mock_server.faults.exchange import Exchange, Pieces
from mock_server.faults.registry import Effect, fault


@fault("garbage", "in_body")
class Garbage(Effect):
    """The body is replaced by as many random bytes, which are no JSON, no protobuf and no tar."""

    async def strike(self, exchange: Exchange) -> None:
        if exchange.answered.announced == 0:
            exchange.answered.put(bytes(8))
        else:
            exchange.answered.pieces = _noise(exchange.random, exchange.answered.pieces)


async def _noise(random: Random, pieces: Pieces) -> Pieces:
    # The first byte ends every known format's hopes: no JSON begins so, and no protobuf field has number 0.
    begin = b"\x00"
    async for piece in pieces:
        yield begin + random.randbytes(len(piece) - len(begin))
        begin = b""
