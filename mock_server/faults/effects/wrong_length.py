"""An array has another length."""

from typing import Literal

from pydantic import Field

from mock_server.faults.exchange import Exchange
from mock_server.faults.places import Spot, change
from mock_server.faults.registry import Effect, fault


@fault("wrong_length", "in_body")
class WrongLength(Effect):
    """An array of the answer loses `by` elements at its end, or at its start, where lists have their newest entry.

    In protobuf an array of numbers is a field of bytes, of which an element has four.
    """

    field: str
    by: int = Field(default=1, ge=1)
    at: Literal["end", "start"] = "end"

    async def strike(self, exchange: Exchange) -> None:
        await change(exchange, self.field, self._shorten)

    def _shorten(self, spot: Spot) -> None:
        array = spot.get()
        lost = self.by * (4 if isinstance(array, bytes) else 1)
        spot.put(array[: max(len(array) - lost, 0)] if self.at == "end" else array[lost:])
