"""Types, devices and copies: nearly nothing here, since one type a kind of number and one memory is all there is."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mock_server.toy_model.custom_loss.operations.arguments import Dtype, Place, axis
from mock_server.toy_model.custom_loss.operations.unary import Operation
from mock_server.toy_model.custom_loss.tape import Tape, Tensor, kind_of, tensor


def cast(tape: Tape, x: Any, dtype: Dtype) -> Tensor:
    """Another kind of number. Between floating types nothing changes: all are computed as float64."""
    source = tensor(x)
    kind = source.data.dtype.kind
    if kind == dtype.kind:
        return source
    if dtype.kind == "b":
        return tape.record(source.data != 0)
    return tape.record(source.data.astype(np.float64 if dtype.kind == "f" else np.int64))


def _to(kind: str) -> Operation:
    def operation(tape: Tape, x: Any) -> Tensor:
        return cast(tape, x, Dtype(kind))

    return operation


def to(tape: Tape, x: Any, *where: Any, dtype: Dtype | None = None) -> Tensor:
    """`to(dtype)`, `to(device)`, `to(device, dtype)` or `to(tensor)`."""
    wanted = dtype
    for place in where:
        if isinstance(place, Dtype):
            wanted = place
        elif isinstance(place, Tensor):
            wanted = Dtype(place.data.dtype.kind)
        elif not (place is None or isinstance(place, str | bool | Place)):
            raise TypeError(f"expected a dtype or a device, got {kind_of(place)}")
    return tensor(x) if wanted is None else cast(tape, x, wanted)


def of_type(tape: Tape, x: Any, dtype: Dtype) -> Tensor:
    if not isinstance(dtype, Dtype):
        raise TypeError(f"expected a dtype, got {kind_of(dtype)}")
    return cast(tape, x, dtype)


def type_as(tape: Tape, x: Any, other: Tensor) -> Tensor:
    return cast(tape, x, Dtype(other.data.dtype.kind))


def unchanged(tape: Tape, x: Any) -> Tensor:
    return tensor(x)


def detach(tape: Tape, x: Any) -> Tensor:
    """The same numbers as constants."""
    return Tensor(tensor(x).data)


def size(tape: Tape, x: Any, dim: int | None = None) -> Any:
    shape = tensor(x).shape
    return shape if dim is None else shape[axis(len(shape), dim)]


def numel(tape: Tape, x: Any) -> int:
    return tensor(x).data.size


def dim_count(tape: Tape, x: Any) -> int:
    return tensor(x).data.ndim


def is_floating_point(tape: Tape, x: Any) -> bool:
    return tensor(x).data.dtype.kind == "f"


CONVERSION: Mapping[str, Operation] = {
    **dict.fromkeys(("float", "double", "half", "bfloat16"), _to("f")),
    **dict.fromkeys(("long", "int"), _to("i")),
    "bool": _to("b"),
    "to": to,
    "type": of_type,
    "type_as": type_as,
    **dict.fromkeys(("clone", "contiguous", "cpu", "cuda", "requires_grad_"), unchanged),
    "detach": detach,
    "size": size,
    "numel": numel,
    "dim": dim_count,
    "is_floating_point": is_floating_point,
}
