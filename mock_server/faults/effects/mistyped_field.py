"""A field is of another type."""

from typing import Any

from mock_server.faults.exchange import Exchange
from mock_server.faults.places import change
from mock_server.faults.registry import Effect, fault


@fault("mistyped_field", "in_body")
class MistypedField(Effect):
    """A field of the JSON answer holds `value`, by default a text where something else is due.

    Protobuf takes values of the field's own type only: a field of another type is to its readers a missing one.
    """

    field: str
    value: Any = "mistyped"

    async def strike(self, exchange: Exchange) -> None:
        await change(exchange, self.field, lambda spot: spot.put(self.value))
