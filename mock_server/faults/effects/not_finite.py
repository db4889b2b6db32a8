"""A number is none."""

from typing import Literal

from mock_server.faults.exchange import Exchange
from mock_server.faults.places import change
from mock_server.faults.registry import Effect, fault


@fault("not_finite", "in_body")
class NotFinite(Effect):
    """A number of the answer is NaN or infinity; JSON does not have these, and Python's parser takes them.

    In protobuf the last part of `field` may be an index into an array: `sequences.0.logprobs.2`.
    """

    field: str
    value: Literal["NaN", "Infinity", "-Infinity"] = "NaN"

    async def strike(self, exchange: Exchange) -> None:
        await change(exchange, self.field, lambda spot: spot.put(float(self.value)))
