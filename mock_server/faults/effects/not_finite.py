"""A number is none."""

from typing import Literal

from mock_server.faults.exchange import Exchange
from mock_server.faults.places import change
from mock_server.faults.registry import Effect, fault


@fault("not_finite", "in_body")
class NotFinite(Effect):
    """A number of the JSON answer is NaN or infinity, which JSON does not have and Python's parser takes."""

    field: str
    value: Literal["NaN", "Infinity", "-Infinity"] = "NaN"

    async def strike(self, exchange: Exchange) -> None:
        assert exchange.answer is not None
        change(exchange.answer, self.field, lambda container, key: container.__setitem__(key, float(self.value)))
