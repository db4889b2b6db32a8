"""An operation ends twice."""

from pydantic import Field

from mock_server.faults.exchange import Exchange
from mock_server.faults.registry import Effect, fault


@fault("finish_twice", "in_operation")
class FinishTwice(Effect):
    """The end of a sample is announced again `seconds` later: who polls for a whole sampler (retrieve_futures) meets it
    a second time, behind a later cursor. It is executed once.
    """

    seconds: float = Field(default=0.5, gt=0, le=86_400)

    async def strike(self, exchange: Exchange) -> None:
        exchange.interfere(announced_again=self.seconds)
