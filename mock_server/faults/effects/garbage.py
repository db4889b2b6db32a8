"""The body is noise."""

from mock_server.faults.exchange import Exchange
from mock_server.faults.registry import Effect, fault


@fault("garbage", "in_body")
class Garbage(Effect):
    """The body is replaced by as many random bytes, which are no JSON, no protobuf and no tar."""

    async def strike(self, exchange: Exchange) -> None:
        assert exchange.answer is not None
        # The first byte ends every known format's hopes: no JSON begins so, and no protobuf field has number 0.
        exchange.answer.body = b"\x00" + exchange.random.randbytes(max(len(exchange.answer.body) - 1, 7))
