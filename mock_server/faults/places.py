"""Places within an answer: `metrics.loss:sum`, `sequences.0.tokens`, by names and indexes with dots between."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mock_server.codec import Malformed
from mock_server.codec.schema import messages, parse
from mock_server.faults.exchange import Missed

if TYPE_CHECKING:
    from collections.abc import Callable

    from mock_server.faults.exchange import Exchange


@dataclass(frozen=True)
class Spot:
    """One place: the list, object or message that holds it, and its index or name there."""

    holder: Any
    key: Any

    def get(self) -> Any:
        return self.holder[self.key]

    def put(self, value: Any) -> None:
        self.holder[self.key] = value

    def remove(self) -> None:
        del self.holder[self.key]


@dataclass(frozen=True)
class FieldSpot(Spot):
    """A field of a protobuf message."""

    def get(self) -> Any:
        return getattr(self.holder, self.key)

    def put(self, value: Any) -> None:
        if self.holder.DESCRIPTOR.fields_by_name[self.key].is_repeated:
            self.holder.ClearField(self.key)
            held = self.get()
            if hasattr(held, "keys"):
                held.update(value)
            else:
                held.extend(value)
        else:
            setattr(self.holder, self.key, value)

    def remove(self) -> None:
        self.holder.ClearField(self.key)


@dataclass(frozen=True)
class NumberSpot(Spot):
    """A float32 within a field of bytes; holder: the field's own spot, key: which number."""

    def get(self) -> float:
        number: float = struct.unpack_from("<f", self.holder.get(), 4 * self.key)[0]
        return number

    def put(self, value: Any) -> None:
        array = bytearray(self.holder.get())
        struct.pack_into("<f", array, 4 * self.key, value)
        self.holder.put(bytes(array))

    def remove(self) -> None:
        array = self.holder.get()
        self.holder.put(array[: 4 * self.key] + array[4 * self.key + 4 :])


async def change(exchange: Exchange, place: str, how: Callable[[Spot], None]) -> None:
    """Change the place in the answer, which is JSON or protobuf and is written anew. Missed where it is not there."""
    answer = exchange.answered
    names = place.split(".")
    try:
        match answer.media_type:
            case "application/json":
                whole = json.loads(await answer.whole())
                how(_in_json(whole, names))
                answer.put(json.dumps(whole).encode())
            case "application/x-protobuf":
                sampled = exchange.facts.polled == "sample"
                kind = messages().SampleResponse if sampled else messages().ForwardBackwardOutput
                message = parse(kind, await answer.whole(), "the answer")
                how(_in_protobuf(message, names))
                answer.put(message.SerializeToString(deterministic=True))
            case other:
                raise Missed(f"the answer is {other or 'empty'}, which has no fields")
    except (ValueError, LookupError, TypeError, AttributeError, struct.error, Malformed) as error:
        raise Missed(f"the answer has no {place!r} to change ({error})") from error


def _in_json(whole: Any, names: list[str]) -> Spot:
    spot = Spot([whole], 0)
    for name in names:
        holder = spot.get()
        spot = Spot(holder, int(name) if isinstance(holder, list) else name)
        spot.get()  # LookupError where it is absent
    return spot


def _in_protobuf(message: Any, names: list[str]) -> Spot:
    spot = Spot([message], 0)
    for name in names:
        holder = spot.get()
        if hasattr(holder, "DESCRIPTOR"):
            spot = FieldSpot(holder, name)
        elif isinstance(holder, bytes):
            spot = NumberSpot(spot, int(name))
        elif hasattr(holder, "keys"):
            spot = Spot(holder, name)
            if name not in holder:  # reading it would make it
                raise LookupError(name)
        else:
            spot = Spot(holder, int(name))
        spot.get()
    return spot
