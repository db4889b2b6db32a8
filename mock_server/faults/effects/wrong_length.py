"""An array has another length."""

from pydantic import Field

from mock_server.faults.exchange import Exchange
from mock_server.faults.places import change
from mock_server.faults.registry import Effect, fault


@fault("wrong_length", "in_body")
class WrongLength(Effect):
    """An array of the JSON answer loses its last `by` elements."""

    field: str
    by: int = Field(default=1, ge=1)

    async def strike(self, exchange: Exchange) -> None:
        assert exchange.answer is not None
        change(
            exchange.answer, self.field, lambda container, key: container.__setitem__(key, container[key][: -self.by])
        )
