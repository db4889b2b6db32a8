"""Parts of tensors: Python's brackets, gather, and sums into chosen places."""

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from mock_server.toy_model.custom_loss.operations.arguments import axis, whole
from mock_server.toy_model.custom_loss.operations.binary import add, multiply
from mock_server.toy_model.custom_loss.operations.shapes import broadcast_tensors, flatten
from mock_server.toy_model.custom_loss.operations.unary import Operation
from mock_server.toy_model.custom_loss.tape import Tape, Tensor, kind_of, tensor
from mock_server.toy_model.values import Array


def select_index(tape: Tape, x: Tensor, key: Any) -> Tensor:
    """`x[key]` with torch's rules: whole numbers and slices first, tensors after."""
    parts = list(key) if isinstance(key, tuple) else [key]
    basic: list[Any] = []
    tensors: list[Tensor | None] = []
    for part in _spelled_out(parts, x.data.ndim):
        given = Tensor(np.asarray(part)) if isinstance(part, list) else part
        if (
            isinstance(given, Tensor)
            and given.data.dtype.kind != "f"
            and not (given.data.ndim == 0 and given.data.dtype.kind == "i")
        ):
            # A mask stands for as many dimensions as it has; the places that it marks, one tensor for each, replace it.
            chosen = given.data.nonzero() if given.data.dtype.kind == "b" else (given.data,)
            if given.data.dtype.kind == "b":
                _check_mask(given, x, sum(entry is not None for entry in basic))
            basic += [slice(None)] * len(chosen)
            tensors += [Tensor(places) for places in chosen]
        elif given is None:
            basic.append(None)
            tensors.append(None)
        elif isinstance(given, slice):
            basic.append(_slice(given))
            tensors.append(None)
        elif isinstance(given, Tensor | int) and not isinstance(given, bool):
            basic.append(whole(given))
        else:
            raise TypeError(f"a tensor can't be indexed by {kind_of(given)}")
    plain = _view(tape, x, tuple(basic))
    if all(places is None for places in tensors):
        return plain
    return _picked(tape, plain, tuple(slice(None) if places is None else places.data for places in tensors))


def _spelled_out(parts: list[Any], ndim: int) -> list[Any]:
    """The key with `...` replaced by what it stands for."""
    if not any(part is Ellipsis for part in parts):
        return parts
    taken = 0
    for part in parts:
        if part is not None and part is not Ellipsis:
            taken += part.data.ndim if isinstance(part, Tensor) and part.data.dtype.kind == "b" else 1
    place = next(i for i, part in enumerate(parts) if part is Ellipsis)
    return [*parts[:place], *[slice(None)] * (ndim - taken), *(part for part in parts[place:] if part is not Ellipsis)]


def _check_mask(mask: Tensor, x: Tensor, place: int) -> None:
    if mask.shape != x.shape[place : place + mask.data.ndim]:
        raise IndexError(f"a mask of shape {list(mask.shape)} does not fit a tensor of shape {list(x.shape)}")


def _slice(given: slice) -> slice:
    start, stop, step = (None if part is None else whole(part) for part in (given.start, given.stop, given.step))
    if step is not None and step < 1:
        raise ValueError(f"the step of a slice is {step}: give 1 or more, or use flip")
    return slice(start, stop, step)


def _view(tape: Tape, x: Tensor, key: tuple[Any, ...]) -> Tensor:
    def pullback(slope: Array) -> Array:
        whole_slope = np.zeros(x.shape)
        whole_slope[key] = slope
        return whole_slope

    return tape.record(x.data[key], (x, pullback))


def _picked(tape: Tape, x: Tensor, key: tuple[Any, ...]) -> Tensor:
    """By tensors of places, which may name a place twice: their slopes add up."""
    chosen = np.broadcast_shapes(*(part.shape for part in key if not isinstance(part, slice)))
    untouched = [size for i, size in enumerate(x.shape) if i >= len(key) or isinstance(key[i], slice)]
    tape.room([prod(chosen), *untouched])

    def pullback(slope: Array) -> Array:
        whole_slope = np.zeros(x.shape)
        np.add.at(whole_slope, key, slope)
        return whole_slope

    return tape.record(x.data[key], (x, pullback))


def getitem(tape: Tape, x: Any, key: Any) -> Any:
    """Brackets behind a tensor, a shape, or a tuple of results."""
    if isinstance(x, Tensor):
        return select_index(tape, x, key)
    if not isinstance(x, list | tuple | dict):
        raise TypeError(f"{kind_of(x)} can't be indexed")
    if isinstance(key, slice):
        key = _slice(key)
    elif isinstance(key, Tensor):
        key = whole(key)
    return x[key]


def select(tape: Tape, x: Any, dim: int, index: Any) -> Tensor:
    source = tensor(x)
    return select_index(tape, source, (slice(None),) * axis(source.data.ndim, dim) + (whole(index),))


def index_select(tape: Tape, x: Any, dim: int, index: Tensor) -> Tensor:
    source = tensor(x)
    return select_index(tape, source, (slice(None),) * axis(source.data.ndim, dim) + (flatten(tape, index),))


def masked_select(tape: Tape, x: Any, mask: Any) -> Tensor:
    source, where = broadcast_tensors(tape, tensor(x), tensor(mask))
    return select_index(tape, source, where)


def take(tape: Tape, x: Any, index: Any) -> Tensor:
    return select_index(tape, flatten(tape, x), tensor(index))


def _grid(index: Array, place: int) -> tuple[Array, ...]:
    """Where in a tensor `index` points along one dimension; along the others each entry is at its own place."""
    grid: list[Array] = list(np.ogrid[tuple(slice(size) for size in index.shape)])
    grid[place] = index
    return tuple(grid)


def gather_along(tape: Tape, x: Tensor, index: Array, place: int) -> Tensor:
    """result[i][j] = x[index[i][j]][j] for place 0, and so on."""
    return _picked(tape, x, _grid(index, place))


def gather(tape: Tape, x: Any, dim: int, index: Tensor) -> Tensor:
    source = tensor(x)
    return gather_along(tape, source, index.data, axis(source.data.ndim, dim))


def take_along_dim(tape: Tape, x: Any, indices: Tensor, dim: int | None = None) -> Tensor:
    if dim is None:
        return take(tape, x, flatten(tape, indices))
    source = tensor(x)
    place = axis(source.data.ndim, dim)
    shape = [size if i == place else max(size, source.shape[i]) for i, size in enumerate(indices.shape)]
    tape.room(shape)
    return gather_along(tape, source, np.broadcast_to(indices.data, shape), place)


def repeat_interleave(tape: Tape, x: Any, repeats: Any, dim: int | None = None) -> Tensor:
    """Each number several times in a row."""
    source = flatten(tape, x) if dim is None else tensor(x)
    place = 0 if dim is None else axis(source.data.ndim, dim)
    times = tensor(repeats).data
    length = source.shape[place]
    rest = prod(size for i, size in enumerate(source.shape) if i != place)
    tape.room([int(times.sum()) * (length if times.size == 1 else 1), rest])
    return index_select(tape, source, place, Tensor(np.repeat(np.arange(length), times)))


def scatter_add(tape: Tape, x: Any, dim: int, index: Tensor, src: Any) -> Tensor:
    """x, with src added at the places that index names along a dimension."""
    base, given = tensor(x), tensor(src)
    grid = _grid(index.data, axis(base.data.ndim, dim))
    used = tuple(slice(size) for size in index.shape)
    result = base.data.copy()
    np.add.at(result, grid, given.data[used])

    def pullback(slope: Array) -> Array:
        whole_slope = np.zeros(given.shape)
        whole_slope[used] = slope[grid]
        return whole_slope

    return tape.record(result, (base, lambda slope: slope), (given, pullback))


def index_add(tape: Tape, x: Any, dim: int, index: Tensor, source: Any, *, alpha: float = 1) -> Any:
    """x, with the slices of source added at the places that index names."""
    base, given = tensor(x), tensor(source)
    key: Any = (slice(None),) * axis(base.data.ndim, dim) + (index.data,)
    placed = np.zeros(base.shape, given.data.dtype)
    np.add.at(placed, key, given.data)
    change = tape.record(placed, (given, lambda slope: slope[key]))
    return add(tape, base, change if alpha == 1 else multiply(tape, change, alpha))


def diagonal(tape: Tape, x: Any, offset: int = 0) -> Tensor:
    source, shift = tensor(x), whole(offset)
    if source.data.ndim != 2:
        raise ValueError(f"expected a matrix, got a tensor of shape {list(source.shape)}")
    rows, columns = np.nonzero(np.eye(source.shape[0], source.shape[1], shift, dtype=bool))
    return _picked(tape, source, (rows, columns))


INDEXING: Mapping[str, Operation] = {
    "getitem": getitem,
    "select": select,
    "index_select": index_select,
    "masked_select": masked_select,
    "take": take,
    "gather": gather,
    "take_along_dim": take_along_dim,
    "repeat_interleave": repeat_interleave,
    "scatter_add": scatter_add,
    "index_add": index_add,
    "diagonal": diagonal,
}
