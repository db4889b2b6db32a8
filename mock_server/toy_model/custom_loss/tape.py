"""Reverse-mode differentiation: what was computed from the logprobs, in order, and how a slope flows back through it.

There are three kinds of number: bool, int64 and float64. torch's narrower types are computed as the widest of their
kind, which can only be more exact, and whose promotion (bool to int to float) is then numpy's own.
"""

from collections.abc import Callable, Iterable
from math import prod
from typing import Any

import numpy as np

from mock_server.toy_model.errors import InvalidInput
from mock_server.toy_model.values import Array

Pullback = Callable[[Array], Array]
"""From the slope of a result to that of one of its sources, in the source's shape."""

MAX_WORK = 1 << 28
"""Units of work of one request: a few seconds. Counted, not timed, so that a replay of the log ends the same way."""
NODE_WORK = 1 << 11
"""What a node costs beside its numbers, in the same units: about ten microseconds."""
MAX_ELEMENTS = 1 << 24
"""Numbers that one datum's tensors may hold together: 128 MiB, and about as much again for the slopes."""
MAX_DIMENSIONS = 8


class Work:
    """How much one request may still compute."""

    def __init__(self, units: int = MAX_WORK) -> None:
        self._left = units

    def spend(self, units: int) -> None:
        self._left -= units
        if self._left < 0:
            raise InvalidInput(
                "the custom loss needs more computation than one request may take: send fewer data at once, or let "
                "the loss run in the client by passing the function itself to forward_backward_custom"
            )


class Tensor:
    """An array, and where its numbers came from if they vary with the logprobs (`place` is then >= 0)."""

    __slots__ = ("data", "place", "sources")

    def __init__(self, data: Array, sources: tuple[tuple["Tensor", Pullback], ...] = (), place: int = -1) -> None:
        self.data = data
        self.sources = sources
        self.place = place

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    @property
    def varies(self) -> bool:
        return self.place >= 0


class Tape:
    """The computation of one datum's loss."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._elements = 0
        self._varying: list[Tensor] = []

    def variable(self, data: Array) -> Tensor:
        """What the loss will be differentiated by."""
        tensor = Tensor(data, (), len(self._varying))
        self._varying.append(tensor)
        return tensor

    def room(self, sizes: Iterable[int], work: int = 1) -> None:
        """Raise InvalidInput where a tensor of these sizes, at `work` units a number, would be too much."""
        elements = prod(sizes)
        self._charge(elements * work, elements)

    def record(self, data: Any, *sources: tuple[Tensor, Pullback]) -> Tensor:
        """A result. Whole numbers and booleans have no slope, whatever they were computed from."""
        array: Array = np.asarray(data)
        self._charge(array.size + NODE_WORK, array.size)
        if array.ndim > MAX_DIMENSIONS:
            raise ValueError(f"a tensor of {array.ndim} dimensions: {MAX_DIMENSIONS} are the most")
        self._elements += array.size
        varying = tuple(source for source in sources if source[0].varies) if array.dtype.kind == "f" else ()
        if not varying:
            return Tensor(array)
        tensor = Tensor(array, varying, len(self._varying))
        self._varying.append(tensor)
        return tensor

    def slope(self, of: Tensor, by: Tensor) -> Array:
        """The derivative of a scalar `of` by `by`."""
        slopes: dict[int, Array] = {of.place: np.ones(())}
        for place in range(of.place, by.place, -1):
            slope = slopes.pop(place, None)
            if slope is None:
                continue
            for source, pullback in self._varying[place].sources:
                flowing = pullback(slope)
                known = slopes.get(source.place)
                slopes[source.place] = flowing if known is None else known + flowing
        return slopes.get(by.place, np.zeros(by.shape))

    def _charge(self, work: int, elements: int) -> None:
        if self._elements + elements > MAX_ELEMENTS:
            raise InvalidInput(
                f"the tensors of the custom loss hold more than {MAX_ELEMENTS} numbers for one datum: "
                "keep them near the size of its target_tokens"
            )
        self._work.spend(work)


def tensor(value: Any) -> Tensor:
    """A tensor as it is; a number as a tensor without dimensions."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, bool):
        return Tensor(np.array(value))
    if isinstance(value, int):
        return Tensor(np.array(value, np.int64))
    if isinstance(value, float):
        return Tensor(np.array(value, np.float64))
    raise TypeError(f"expected a tensor or a number, got {kind_of(value)}")


def kind_of(value: Any) -> str:
    """What a message calls a value that is in the wrong place."""
    return "None" if value is None else f"a {type(value).__name__.lower()}"


def floating(value: Any) -> Tensor:
    """The same with numbers that have fractions."""
    given = tensor(value)
    if given.data.dtype.kind == "f":
        return given
    return Tensor(given.data.astype(np.float64))


def unbroadcast(slope: Array, shape: tuple[int, ...]) -> Array:
    """Sum a slope over the dimensions along which a source of this shape was repeated."""
    if slope.shape == shape:
        return slope
    added = slope.ndim - len(shape)
    repeated = tuple(i + added for i, size in enumerate(shape) if size == 1 and slope.shape[i + added] != 1)
    summed: Array = slope.sum(axis=(*range(added), *repeated), keepdims=True)
    return summed.reshape(shape)
