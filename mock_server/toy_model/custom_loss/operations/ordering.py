"""What depends on which number is larger, and on running totals."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from mock_server.toy_model.custom_loss.operations.arguments import Dtype, axis, whole
from mock_server.toy_model.custom_loss.operations.binary import logaddexp, maximum, minimum, multiply
from mock_server.toy_model.custom_loss.operations.conversion import cast
from mock_server.toy_model.custom_loss.operations.indexing import gather_along
from mock_server.toy_model.custom_loss.operations.reductions import amax, amin
from mock_server.toy_model.custom_loss.operations.shapes import cat, cut, flatten, squeeze
from mock_server.toy_model.custom_loss.operations.unary import Operation
from mock_server.toy_model.custom_loss.tape import Tape, Tensor, floating, tensor
from mock_server.toy_model.values import Array


class Chosen(NamedTuple):
    """torch.return_types.max and its like."""

    values: Tensor
    indices: Tensor


def _pick(tape: Tape, x: Tensor, index: Array, place: int) -> Chosen:
    return Chosen(gather_along(tape, x, index, place), tape.record(index))


def _without(tape: Tape, chosen: Chosen, place: int, *, keepdim: bool) -> Chosen:
    return chosen if keepdim else Chosen(*(squeeze(tape, part, place) for part in chosen))


def _best(all_of: Operation, either: Operation, find: Callable[..., Array]) -> Operation:
    """Extremes (max, min): of all numbers, of a dimension (with where it was), or of two tensors."""

    def operation(tape: Tape, x: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
        if other is not None or isinstance(dim, Tensor):
            return either(tape, x, dim if other is None else other)
        if dim is None:
            return all_of(tape, x)
        source = tensor(x)
        place = axis(source.data.ndim, dim)
        index = find(source.data, axis=place, keepdims=True)
        return _without(tape, _pick(tape, source, index, place), place, keepdim=keepdim)

    return operation


def _order(x: Tensor, place: int, *, descending: bool) -> Array:
    data = -x.data.astype(np.float64) if descending else x.data
    order: Array = np.argsort(data, axis=place, kind="stable")
    return order


def sort(tape: Tape, x: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Chosen:
    source = tensor(x)
    tape.room(source.shape, work=8)
    place = axis(source.data.ndim, dim)
    return _pick(tape, source, _order(source, place, descending=descending), place)


def argsort(tape: Tape, x: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    return sort(tape, x, dim, descending).indices


def topk(tape: Tape, x: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Chosen:
    ordered = sort(tape, x, dim, largest)
    place = axis(tensor(x).data.ndim, dim)
    if not 0 <= whole(k) <= tensor(x).shape[place]:
        raise IndexError(f"k is {whole(k)}, the dimension has size {tensor(x).shape[place]}")
    return Chosen(*(cut(tape, part, place, 0, whole(k)) for part in ordered))


def median(tape: Tape, x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The lower one of the two in the middle, as in torch."""
    source = flatten(tape, x) if dim is None else tensor(x)
    place = 0 if dim is None else axis(source.data.ndim, dim)
    middle = (source.shape[place] - 1) // 2
    chosen = Chosen(*(cut(tape, part, place, middle, middle + 1) for part in sort(tape, source, place)))
    result = _without(tape, chosen, place, keepdim=keepdim and dim is not None)
    return result.values if dim is None else result


def cumsum(tape: Tape, x: Any, dim: int, *, dtype: Dtype | None = None) -> Tensor:
    source = tensor(x) if dtype is None else cast(tape, x, dtype)
    place = axis(source.data.ndim, dim)

    def pullback(slope: Array) -> Array:
        return np.flip(np.cumsum(np.flip(slope, place), place), place)

    return tape.record(np.cumsum(source.data, place), (source, pullback))


def _running(combine: Operation, neutral: float) -> Operation:
    """All beginnings of a dimension combined, in a logarithmic number of steps, each with its exact slope."""

    def operation(tape: Tape, x: Any, dim: int, *, dtype: Dtype | None = None) -> Tensor:
        source = floating(x)
        place = axis(source.data.ndim, dim)
        length, step = source.shape[place], 1
        while step < length:
            shape = [step if i == place else size for i, size in enumerate(source.shape)]
            shifted = cat(tape, [Tensor(np.full(shape, neutral)), cut(tape, source, place, 0, length - step)], place)
            source = combine(tape, source, shifted)
            step *= 2
        return source

    return operation


def _running_best(accumulate: Callable[..., Array]) -> Operation:
    def operation(tape: Tape, x: Any, dim: int) -> Chosen:
        source = tensor(x)
        place = axis(source.data.ndim, dim)
        places = np.arange(source.shape[place]).reshape([-1 if i == place else 1 for i in range(source.data.ndim)])
        record = source.data == accumulate(source.data, axis=place)
        # Of equal ones the last, as in torch.
        latest = np.maximum.accumulate(np.where(record, places, 0), axis=place)
        return _pick(tape, source, latest, place)

    return operation


ORDERING: Mapping[str, Operation] = {
    "max": _best(amax, maximum, np.argmax),
    "min": _best(amin, minimum, np.argmin),
    "sort": sort,
    "argsort": argsort,
    "topk": topk,
    "median": median,
    "cumsum": cumsum,
    "cumprod": _running(multiply, 1.0),
    "logcumsumexp": _running(logaddexp, -np.inf),
    "cummax": _running_best(np.maximum.accumulate),
    "cummin": _running_best(np.minimum.accumulate),
}
