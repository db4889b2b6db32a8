"""The same numbers in another shape or order, repeated, or several tensors put together."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from mock_server.toy_model.custom_loss.operations.arguments import all_tensors, axes, axis, number, sizes, whole
from mock_server.toy_model.custom_loss.operations.unary import Operation
from mock_server.toy_model.custom_loss.tape import Tape, Tensor, tensor, unbroadcast
from mock_server.toy_model.values import Array


def reshape(tape: Tape, x: Any, *shape: Any) -> Tensor:
    source = tensor(x)
    wanted = sizes(shape)
    return tape.record(source.data.reshape(wanted), (source, lambda slope: slope.reshape(source.shape)))


def reshape_as(tape: Tape, x: Any, other: Tensor) -> Tensor:
    return reshape(tape, x, other.shape)


def flatten(tape: Tape, x: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    source = tensor(x)
    if source.data.ndim == 0:
        return reshape(tape, source, 1)
    start, end = axis(source.data.ndim, start_dim), axis(source.data.ndim, end_dim)
    shape = source.shape
    return reshape(tape, source, (*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :]))


def squeeze(tape: Tape, x: Any, dim: Any = None) -> Tensor:
    source = tensor(x)
    chosen = axes(source.data.ndim, dim)
    return reshape(tape, source, [size for i, size in enumerate(source.shape) if size != 1 or i not in chosen])


def unsqueeze(tape: Tape, x: Any, dim: int) -> Tensor:
    source = tensor(x)
    place = axis(source.data.ndim + 1, dim)
    return reshape(tape, source, (*source.shape[:place], 1, *source.shape[place:]))


def expand(tape: Tape, x: Any, *size: Any) -> Tensor:
    """Repeat along dimensions of size 1; -1 keeps a size."""
    source = tensor(x)
    wanted = sizes(size)
    padded = (1,) * (len(wanted) - source.data.ndim) + source.shape
    shape = tuple(old if new == -1 else new for old, new in zip(padded, wanted, strict=True))
    tape.room(shape)
    return tape.record(np.broadcast_to(source.data, shape), (source, lambda slope: unbroadcast(slope, source.shape)))


def expand_as(tape: Tape, x: Any, other: Tensor) -> Tensor:
    return expand(tape, x, other.shape)


def broadcast_tensors(tape: Tape, *given: Any) -> list[Tensor]:
    shape = np.broadcast_shapes(*(entry.shape for entry in all_tensors(given)))
    return [expand(tape, entry, shape) for entry in given]


def meshgrid(tape: Tape, *given: Any, indexing: str | None = None) -> list[Tensor]:
    if indexing not in {None, "ij", "xy"}:
        raise ValueError(f"indexing {indexing!r} is neither 'ij' nor 'xy'")
    lines = all_tensors(given[0] if len(given) == 1 and isinstance(given[0], list | tuple) else given)
    shape = [line.data.size for line in lines]
    grids = [
        expand(tape, reshape(tape, line, [size if i == place else 1 for i, size in enumerate(shape)]), shape)
        for place, line in enumerate(lines)
    ]
    return [transpose(tape, grid, 0, 1) for grid in grids] if indexing == "xy" and len(grids) > 1 else grids


def repeat(tape: Tape, x: Any, *repeats: Any) -> Tensor:
    source = tensor(x)
    counts = sizes(repeats)
    if len(counts) < source.data.ndim:
        raise ValueError(f"give at least {source.data.ndim} numbers of repetitions, not {len(counts)}")
    shape = (1,) * (len(counts) - source.data.ndim) + source.shape
    between = [size for pair in zip([1] * len(counts), shape, strict=True) for size in pair]
    repeated = [size for pair in zip(counts, shape, strict=True) for size in pair]
    wide = expand(tape, reshape(tape, source, between), repeated)
    return reshape(tape, wide, [count * size for count, size in zip(counts, shape, strict=True)])


def tile(tape: Tape, x: Any, *dims: Any) -> Tensor:
    counts = sizes(dims)
    return repeat(tape, x, (1,) * (tensor(x).data.ndim - len(counts)) + counts)


def permute(tape: Tape, x: Any, *dims: Any) -> Tensor:
    source = tensor(x)
    order = tuple(axis(source.data.ndim, dim) for dim in sizes(dims))
    back = np.argsort(order)
    return tape.record(source.data.transpose(order), (source, lambda slope: slope.transpose(back)))


def transpose(tape: Tape, x: Any, dim0: int, dim1: int) -> Tensor:
    source = tensor(x)
    order = list(range(source.data.ndim))
    first, second = axis(len(order), dim0), axis(len(order), dim1)
    order[first], order[second] = second, first
    return permute(tape, source, order)


def movedim(tape: Tape, x: Any, source: Any, destination: Any) -> Tensor:
    ndim = tensor(x).data.ndim
    old = [axis(ndim, dim) for dim in sizes([source])]
    new = [axis(ndim, dim) for dim in sizes([destination])]
    rest = iter(i for i in range(ndim) if i not in old)
    places = dict(zip(new, old, strict=True))
    return permute(tape, x, [places[i] if i in places else next(rest) for i in range(ndim)])


def reversed_dims(tape: Tape, x: Any) -> Tensor:
    """`x.T` and `x.t()`."""
    return permute(tape, x, list(range(tensor(x).data.ndim))[::-1])


def matrix_transpose(tape: Tape, x: Any) -> Tensor:
    return transpose(tape, x, -2, -1)


def flip(tape: Tape, x: Any, *dims: Any) -> Tensor:
    source = tensor(x)
    chosen = axes(source.data.ndim, sizes(dims))
    return tape.record(np.flip(source.data, chosen), (source, lambda slope: np.flip(slope, chosen)))


def roll(tape: Tape, x: Any, shifts: Any, dims: Any = None) -> Tensor:
    source = tensor(x)
    steps = sizes([shifts])
    if dims is None:
        rolled = np.roll(source.data, steps[0])
        return tape.record(rolled, (source, lambda slope: np.roll(slope, -steps[0])))
    chosen = tuple(axis(source.data.ndim, dim) for dim in sizes([dims]))
    back = tuple(-step for step in steps)
    return tape.record(np.roll(source.data, steps, chosen), (source, lambda slope: np.roll(slope, back, chosen)))


def cut(tape: Tape, x: Any, place: int, start: int, stop: int) -> Tensor:
    """The part [start:stop] of one dimension."""
    source = tensor(x)
    part = (slice(None),) * place + (slice(start, stop),)

    def pullback(slope: Array) -> Array:
        whole_slope = np.zeros(source.shape)
        whole_slope[part] = slope
        return whole_slope

    return tape.record(source.data[part], (source, pullback))


def narrow(tape: Tape, x: Any, dim: int, start: int, length: int) -> Tensor:
    place = axis(tensor(x).data.ndim, dim)
    size, first, count = tensor(x).shape[place], whole(start), whole(length)
    first += size if first < 0 else 0
    if not 0 <= first <= first + count <= size:
        raise IndexError(f"start {first} and length {count} do not fit into a dimension of size {size}")
    return cut(tape, x, place, first, first + count)


def split(tape: Tape, x: Any, split_size: Any, dim: int = 0) -> list[Tensor]:
    """Parts of one size (the last may be smaller), or of the sizes given."""
    place = axis(tensor(x).data.ndim, dim)
    size = tensor(x).shape[place]
    if isinstance(split_size, list | tuple):
        lengths = sizes(split_size)
        if sum(lengths) != size:
            raise ValueError(f"the sizes {list(lengths)} do not add up to {size}")
    else:
        step = whole(split_size)
        if step < 1:
            raise ValueError(f"split_size is {step}: give 1 or more")
        tape.room([size // step])
        lengths = tuple(min(step, size - start) for start in range(0, size, step)) or (0,)
    ends = np.cumsum(lengths).tolist()
    return [cut(tape, x, place, end - length, end) for end, length in zip(ends, lengths, strict=True)]


def chunk(tape: Tape, x: Any, chunks: int, dim: int = 0) -> list[Tensor]:
    size = tensor(x).shape[axis(tensor(x).data.ndim, dim)]
    return split(tape, x, max(-(-size // whole(chunks)), 1), dim)


def unbind(tape: Tape, x: Any, dim: int = 0) -> list[Tensor]:
    place = axis(tensor(x).data.ndim, dim)
    return [squeeze(tape, part, place) for part in split(tape, x, 1, place) if part.shape[place]]


def cat(tape: Tape, tensors: Any, dim: int = 0) -> Tensor:
    # A part without numbers may have any shape, as in torch.
    parts = [part for part in all_tensors(tensors) if part.shape != (0,)] or all_tensors(tensors)[:1]
    place = axis(parts[0].data.ndim, dim)
    tape.room([sum(part.data.size for part in parts)])
    ends = np.cumsum([part.shape[place] for part in parts]).tolist()
    before = (slice(None),) * place

    def pullback(end: int, length: int) -> Callable[[Array], Array]:
        return lambda slope: slope[(*before, slice(end - length, end))]

    sources = [(part, pullback(end, part.shape[place])) for part, end in zip(parts, ends, strict=True)]
    return tape.record(np.concatenate([part.data for part in parts], place), *sources)


def stack(tape: Tape, tensors: Any, dim: int = 0) -> Tensor:
    return cat(tape, [unsqueeze(tape, part, dim) for part in all_tensors(tensors)], dim)


def _at_least(tape: Tape, given: Any, ndim: int) -> list[Tensor]:
    return [
        part if part.data.ndim >= ndim else reshape(tape, part, (1,) * (ndim - 1) + (-1,))
        for part in all_tensors(given)
    ]


def hstack(tape: Tape, tensors: Any) -> Tensor:
    parts = _at_least(tape, tensors, 1)
    return cat(tape, parts, 0 if parts[0].data.ndim == 1 else 1)


def vstack(tape: Tape, tensors: Any) -> Tensor:
    return cat(tape, _at_least(tape, tensors, 2), 0)


def atleast_1d(tape: Tape, x: Any) -> Tensor:
    return _at_least(tape, [x], 1)[0]


def pad(tape: Tape, x: Any, pad: Sequence[Any], mode: str = "constant", value: Any = None) -> Tensor:
    """Numbers before and after, for the last dimension first."""
    if mode != "constant":
        raise ValueError(f"mode {mode!r} is not 'constant', the one there is")
    source = tensor(x)
    widths = sizes(pad)
    if len(widths) % 2 or len(widths) > 2 * source.data.ndim or min(widths, default=0) < 0:
        raise ValueError(f"pad {list(widths)} is not two numbers from 0 for each of the last dimensions")
    pairs = [(widths[i], widths[i + 1]) for i in range(0, len(widths), 2)][::-1]
    pairs = [(0, 0)] * (source.data.ndim - len(pairs)) + pairs
    tape.room(before + size + after for size, (before, after) in zip(source.shape, pairs, strict=True))
    inner = tuple(slice(before, before + size) for size, (before, _) in zip(source.shape, pairs, strict=True))
    filling = 0 if value is None else number(value)
    return tape.record(np.pad(source.data, pairs, constant_values=filling), (source, lambda slope: slope[inner]))


def diff(tape: Tape, x: Any, n: int = 1, dim: int = -1) -> Tensor:
    source = tensor(x)
    place = axis(source.data.ndim, dim)
    for _ in range(min(whole(n), source.shape[place])):
        length = source.shape[place]
        later, earlier = cut(tape, source, place, 1, length), cut(tape, source, place, 0, length - 1)
        source = tape.record(later.data - earlier.data, (later, lambda slope: slope), (earlier, np.negative))
    return source


def _triangle(keep: Callable[[Array, int], Array]) -> Operation:
    def operation(tape: Tape, x: Any, diagonal: int = 0) -> Tensor:
        source, offset = tensor(x), whole(diagonal)
        return tape.record(keep(source.data, offset), (source, lambda slope: keep(slope, offset)))

    return operation


SHAPES: Mapping[str, Operation] = {
    "reshape": reshape,
    "view": reshape,
    "reshape_as": reshape_as,
    "view_as": reshape_as,
    "flatten": flatten,
    "ravel": flatten,
    "squeeze": squeeze,
    "unsqueeze": unsqueeze,
    "expand": expand,
    "expand_as": expand_as,
    "broadcast_to": expand,
    "broadcast_tensors": broadcast_tensors,
    "meshgrid": meshgrid,
    "repeat": repeat,
    "tile": tile,
    "permute": permute,
    "transpose": transpose,
    "movedim": movedim,
    "t": reversed_dims,
    "flip": flip,
    "roll": roll,
    "narrow": narrow,
    "split": split,
    "chunk": chunk,
    "unbind": unbind,
    "cat": cat,
    "stack": stack,
    "hstack": hstack,
    "vstack": vstack,
    "atleast_1d": atleast_1d,
    "pad": pad,
    "diff": diff,
    "tril": _triangle(np.tril),
    "triu": _triangle(np.triu),
}
