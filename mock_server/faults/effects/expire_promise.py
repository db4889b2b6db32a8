"""A promise is not kept."""

from mock_server.domain import forgetting
from mock_server.domain.operations import Outcome
from mock_server.faults.exchange import Exchange
from mock_server.faults.registry import Effect, fault
from mock_server.runtime.board import LiveOperation


@fault("expire_promise", "in_operation")
class ExpirePromise(Effect):
    """The operation is executed, and its result expires before anybody could fetch it: polls are answered 410."""

    async def strike(self, exchange: Exchange) -> None:
        store = exchange.runtime.store

        async def expire(operation: LiveOperation, outcome: Outcome) -> Outcome:
            await store.write(forgetting.let_go, [operation.id])
            return Outcome(outcome.id, "expired")

        exchange.interfere_after(expire)
