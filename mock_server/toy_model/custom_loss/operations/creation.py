"""New tensors of constants, whose sizes come from the data: torch makes those of fixed size while it traces."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mock_server.toy_model.custom_loss.operations.arguments import Dtype, number, sizes, whole
from mock_server.toy_model.custom_loss.operations.unary import Operation
from mock_server.toy_model.custom_loss.tape import Tape, Tensor, tensor

_TYPES = {"b": np.bool_, "i": np.int64, "f": np.float64}


def _filled(tape: Tape, shape: Sequence[int], value: bool | int | float, kind: str) -> Tensor:  # noqa: PYI041
    tape.room(shape)
    return tape.record(np.full(tuple(shape), value, _TYPES[kind]))


def _kind(value: Any, dtype: Dtype | None) -> str:
    return np.asarray(value).dtype.kind if dtype is None else dtype.kind


def _constant(value: float) -> tuple[Operation, Operation, Operation]:
    """Of a size given, of another tensor's, and of a tensor's type: zeros, zeros_like, new_zeros."""

    def of_size(tape: Tape, *size: Any, dtype: Dtype | None = None) -> Tensor:
        return _filled(tape, sizes(size), value, _kind(value, dtype))

    def like(tape: Tape, x: Any, *, dtype: Dtype | None = None) -> Tensor:
        return _filled(tape, tensor(x).shape, value, _kind(tensor(x).data, dtype))

    def new(tape: Tape, x: Any, *size: Any, dtype: Dtype | None = None) -> Tensor:
        return _filled(tape, sizes(size), value, _kind(tensor(x).data, dtype))

    return of_size, like, new


def full(tape: Tape, size: Any, fill_value: Any, *, dtype: Dtype | None = None) -> Tensor:
    value = number(fill_value)
    return _filled(tape, sizes([size]), value, _kind(value, dtype))


def full_like(tape: Tape, x: Any, fill_value: Any, *, dtype: Dtype | None = None) -> Tensor:
    return _filled(tape, tensor(x).shape, number(fill_value), _kind(tensor(x).data, dtype))


def new_full(tape: Tape, x: Any, size: Any, fill_value: Any, *, dtype: Dtype | None = None) -> Tensor:
    return _filled(tape, sizes([size]), number(fill_value), _kind(tensor(x).data, dtype))


def arange(tape: Tape, start: Any, end: Any = None, step: Any = 1, *, dtype: Dtype | None = None) -> Tensor:
    first, last = (0, number(start)) if end is None else (number(start), number(end))
    stride = number(step)
    length = max(int(np.ceil((last - first) / stride)), 0)
    tape.room([length])
    values = first + np.arange(length) * stride
    return tape.record(values.astype(_TYPES[_kind(values, dtype)]))


def linspace(tape: Tape, start: Any, end: Any, steps: int, *, dtype: Dtype | None = None) -> Tensor:
    tape.room([whole(steps)])
    return tape.record(np.linspace(number(start), number(end), whole(steps)))


def eye(tape: Tape, rows: int, columns: int | None = None, *, dtype: Dtype | None = None) -> Tensor:
    shape = (whole(rows), whole(rows if columns is None else columns))
    tape.room(shape)
    return tape.record(np.eye(*shape, dtype=_TYPES["f" if dtype is None else dtype.kind]))


def scalar_tensor(tape: Tape, value: Any, *, dtype: Dtype | None = None) -> Tensor:
    return _filled(tape, (), number(value), "f" if dtype is None else dtype.kind)


def one_hot(tape: Tape, x: Tensor, num_classes: int = -1) -> Tensor:
    """[...] whole numbers -> [..., classes] of 0 and 1."""
    places = x.data
    if places.dtype.kind != "i" or (places.size and places.min() < 0):
        raise ValueError("expected whole numbers from 0")
    classes = whole(num_classes)
    if classes == -1:
        classes = int(places.max(initial=-1)) + 1
    if places.size and places.max() >= classes:
        raise ValueError(f"the class {places.max()} is not below num_classes {classes}")
    tape.room((*x.shape, classes))
    return tape.record((places[..., None] == np.arange(classes)).astype(np.int64))


_zeros, _zeros_like, _new_zeros = _constant(0.0)
_ones, _ones_like, _new_ones = _constant(1.0)

CREATION: Mapping[str, Operation] = {
    "zeros": _zeros,
    "zeros_like": _zeros_like,
    "new_zeros": _new_zeros,
    "ones": _ones,
    "ones_like": _ones_like,
    "new_ones": _new_ones,
    "full": full,
    "full_like": full_like,
    "new_full": new_full,
    "arange": arange,
    "linspace": linspace,
    "eye": eye,
    "scalar_tensor": scalar_tensor,
    "one_hot": one_hot,
}
