"""The answer ends too soon."""

from pydantic import Field

from mock_server.faults.exchange import Exchange
from mock_server.faults.registry import Effect, fault


@fault("truncate", "in_body")
class Truncate(Effect):
    """Only the first `bytes` of the body arrive. `announced`: Content-Length still promises all of them, and the
    connection closes; else the short body looks complete.
    """

    bytes: int = Field(ge=0)
    announced: bool = True

    async def strike(self, exchange: Exchange) -> None:
        assert exchange.answer is not None
        whole = exchange.answer.body
        exchange.answer.body = whole[: self.bytes]
        if self.announced:
            exchange.answer.set_header("content-length", str(len(whole)))
