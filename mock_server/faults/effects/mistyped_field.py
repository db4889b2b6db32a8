"""A field is of another type."""

from typing import Any

from mock_server.faults.exchange import Exchange
from mock_server.faults.places import change
from mock_server.faults.registry import Effect, fault


@fault("mistyped_field", "in_body")
class MistypedField(Effect):
    """A field of the JSON answer holds `value`, by default a text where something else is due."""

    field: str
    value: Any = "mistyped"

    async def strike(self, exchange: Exchange) -> None:
        assert exchange.answer is not None
        change(exchange.answer, self.field, lambda container, key: container.__setitem__(key, self.value))
