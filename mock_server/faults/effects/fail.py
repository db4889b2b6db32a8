"""An operation fails."""

from mock_server.domain.errors import Category
from mock_server.faults.exchange import Exchange
from mock_server.faults.registry import Effect, fault


@fault("fail", "in_operation")
class Fail(Effect):
    """The operation is not executed; its result is a failure with this message and category."""

    message: str = "injected by the fault `fail`"
    category: Category = "server"

    async def strike(self, exchange: Exchange) -> None:
        exchange.interfere(failure=(self.message, self.category))
