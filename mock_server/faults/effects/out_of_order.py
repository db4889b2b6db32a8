"""Operations end in another order than that in which they were asked for."""

from pydantic import Field

from mock_server.faults.exchange import Exchange
from mock_server.faults.registry import Effect, fault


@fault("out_of_order", "in_operation")
class OutOfOrder(Effect):
    """The operation's result is told behind those of the next `behind` ones of its run or sampler, or after `seconds`
    if these don't come. It is executed in its turn all the same.
    """

    behind: int = Field(default=1, ge=1, le=1000)
    seconds: float = Field(default=10.0, gt=0, le=86_400)

    async def strike(self, exchange: Exchange) -> None:
        exchange.interfere(overtaken_by=self.behind, at_most=self.seconds)
