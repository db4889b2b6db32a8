"""Products of vectors and matrices."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mock_server.toy_model.custom_loss.operations.binary import multiply
from mock_server.toy_model.custom_loss.operations.shapes import reshape
from mock_server.toy_model.custom_loss.operations.unary import Operation
from mock_server.toy_model.custom_loss.tape import Tape, Tensor, tensor, unbroadcast


def matmul(tape: Tape, x: Any, other: Any) -> Tensor:
    """Of vectors, matrices, and stacks of matrices."""
    a, b = tensor(x), tensor(other)
    if a.data.ndim == 0 or b.data.ndim == 0:
        raise ValueError("both sides must be vectors or matrices")
    left = reshape(tape, a, (1, *a.shape)) if a.data.ndim == 1 else a
    right = reshape(tape, b, (*b.shape, 1)) if b.data.ndim == 1 else b
    if left.shape[-1] != right.shape[-2]:
        raise ValueError(f"shapes {list(a.shape)} and {list(b.shape)} can't be multiplied")
    batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    # A product of matrices does a dozen multiplications in the time of one number moved.
    tape.room((*batch, left.shape[-2], right.shape[-1]), work=1 + left.shape[-1] // 12)
    result = tape.record(
        np.matmul(left.data, right.data),
        (left, lambda slope: unbroadcast(np.matmul(slope, right.data.swapaxes(-1, -2)), left.shape)),
        (right, lambda slope: unbroadcast(np.matmul(left.data.swapaxes(-1, -2), slope), right.shape)),
    )
    rows = () if a.data.ndim == 1 else (left.shape[-2],)
    columns = () if b.data.ndim == 1 else (right.shape[-1],)
    return reshape(tape, result, (*batch, *rows, *columns))


def _of_dimensions(left: int, right: int) -> Operation:
    def operation(tape: Tape, x: Any, other: Any) -> Tensor:
        if (tensor(x).data.ndim, tensor(other).data.ndim) != (left, right):
            raise ValueError(f"expected tensors of {left} and {right} dimensions")
        return matmul(tape, x, other)

    return operation


def outer(tape: Tape, x: Any, other: Any) -> Any:
    return multiply(tape, reshape(tape, x, -1, 1), reshape(tape, other, 1, -1))


PRODUCTS: Mapping[str, Operation] = {
    "matmul": matmul,
    "mm": _of_dimensions(2, 2),
    "mv": _of_dimensions(2, 1),
    "bmm": _of_dimensions(3, 3),
    "dot": _of_dimensions(1, 1),
    "inner": _of_dimensions(1, 1),
    "outer": outer,
}
