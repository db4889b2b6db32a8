"""The answer ends too soon."""

from pydantic import Field

from mock_server.faults.exchange import Exchange, Missed
from mock_server.faults.pieces import cut, first
from mock_server.faults.registry import Effect, fault


@fault("truncate", "in_body")
class Truncate(Effect):
    """Only the first `bytes` of the body arrive. `announced`: Content-Length still promises all of them, and the
    connection closes; else the short body looks complete.
    """

    bytes: int = Field(ge=0)
    announced: bool = True

    async def strike(self, exchange: Exchange) -> None:
        answer = exchange.answered
        if answer.announced is not None and answer.announced <= self.bytes:
            raise Missed(f"the body has only {answer.announced} bytes")
        if self.announced:
            cut(exchange, exchange.connection.close, self.bytes, None)
        else:
            answer.pieces = first(answer.pieces, self.bytes)
            answer.announced = None if answer.announced is None else self.bytes
