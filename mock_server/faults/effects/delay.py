"""An operation takes its time."""

from pydantic import Field

from mock_server.domain.dials import Dial
from mock_server.faults.exchange import Exchange
from mock_server.faults.registry import Effect, fault


@fault("delay", "in_operation")
class Delay(Effect):
    """The operation's result is told `seconds` after its submission, behind those of later ones if these are faster."""

    seconds: float = Field(gt=0, le=86_400)

    async def strike(self, exchange: Exchange) -> None:
        exchange.interfere(dial=Dial("after", seconds=self.seconds))
