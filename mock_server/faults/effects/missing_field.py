"""A field is missing."""

from mock_server.faults.exchange import Exchange
from mock_server.faults.places import change
from mock_server.faults.registry import Effect, fault


@fault("missing_field", "in_body")
class MissingField(Effect):
    """A field of the answer is left out. `field`: names and indexes with dots between, such as `cursor.offset`."""

    field: str

    async def strike(self, exchange: Exchange) -> None:
        await change(exchange, self.field, lambda spot: spot.remove())
