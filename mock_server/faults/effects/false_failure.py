"""An operation is said to have failed, and has not."""

from pydantic import Field

from mock_server.domain.errors import Category
from mock_server.faults.exchange import Exchange
from mock_server.faults.registry import Effect, fault
from mock_server.runtime import Denial


@fault("false_failure", "in_operation")
class FalseFailure(Effect):
    """The operation is executed, and its first `polls` polls are told that it failed; those behind them its result."""

    polls: int = Field(default=1, ge=1, le=1000)
    message: str = "injected by the fault `false_failure`"
    category: Category = "server"

    async def strike(self, exchange: Exchange) -> None:
        exchange.interfere(denial=Denial(self.polls, self.message, self.category))
