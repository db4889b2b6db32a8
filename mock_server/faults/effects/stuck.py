"""An operation never ends."""

from mock_server.domain.dials import Dial
from mock_server.faults.exchange import Exchange
from mock_server.faults.registry import Effect, fault


@fault("stuck", "in_operation")
class Stuck(Effect):
    """The operation is executed, and its result is never told: polls answer try_again for ever."""

    async def strike(self, exchange: Exchange) -> None:
        exchange.interfere(dial=Dial("never"))
