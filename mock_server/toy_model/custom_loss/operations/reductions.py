"""Many numbers into one: sums, means, extremes, spreads, norms."""

import math
from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from mock_server.toy_model.custom_loss.operations.arguments import Dtype, axes, axis, number
from mock_server.toy_model.custom_loss.operations.binary import divide, multiply, power, subtract, where
from mock_server.toy_model.custom_loss.operations.conversion import cast
from mock_server.toy_model.custom_loss.operations.shapes import cat, cut, flatten
from mock_server.toy_model.custom_loss.operations.unary import UNARY, Operation
from mock_server.toy_model.custom_loss.tape import Tape, Tensor, floating, tensor
from mock_server.toy_model.values import Array


def _spread(slope: Array, shape: tuple[int, ...], chosen: tuple[int, ...], *, keepdim: bool) -> Array:
    """A reduced result's slope, repeated over what was reduced."""
    return np.broadcast_to(slope if keepdim else np.expand_dims(slope, chosen), shape)


def total(tape: Tape, x: Any, dim: Any = None, keepdim: bool = False, *, dtype: Dtype | None = None) -> Tensor:
    source = tensor(x) if dtype is None else cast(tape, x, dtype)
    chosen = axes(source.data.ndim, dim)
    return tape.record(
        source.data.sum(axis=chosen, keepdims=keepdim),
        (source, lambda slope: _spread(slope, source.shape, chosen, keepdim=keepdim)),
    )


def mean(tape: Tape, x: Any, dim: Any = None, keepdim: bool = False, *, dtype: Dtype | None = None) -> Any:
    source = tensor(x) if dtype is None else cast(tape, x, dtype)
    if source.data.dtype.kind != "f":
        raise TypeError("the mean of whole numbers or booleans is not defined: convert them with .float() first")
    return divide(tape, total(tape, source, dim, keepdim), _count(source, dim))


def _count(source: Tensor, dim: Any) -> float:
    return float(prod(source.shape[i] for i in axes(source.data.ndim, dim)))


def _extreme(choose: Callable[..., Array]) -> Operation:
    """Extremes (amax, amin), of which equal ones share the slope."""

    def operation(tape: Tape, x: Any, dim: Any = None, keepdim: bool = False) -> Tensor:
        source = tensor(x)
        chosen = axes(source.data.ndim, dim)
        value = choose(source.data, axis=chosen, keepdims=True)

        def pullback(slope: Array) -> Array:
            best = source.data == value
            share: Array = best / best.sum(axis=chosen, keepdims=True)
            return _spread(slope, source.shape, chosen, keepdim=keepdim) * share

        return tape.record(value if keepdim else np.squeeze(value, chosen), (source, pullback))

    return operation


amax, amin = _extreme(np.max), _extreme(np.min)


def product(tape: Tape, x: Any, dim: int | None = None, keepdim: bool = False, *, dtype: Dtype | None = None) -> Any:
    """By halves, so that its slope is right where a factor is 0."""
    source = tensor(x) if dtype is None else cast(tape, x, dtype)
    if source.data.dtype.kind == "b":
        source = Tensor(source.data.astype(np.int64))
    if dim is None:
        source, dim = flatten(tape, source), 0
        keepdim = False
    place = axis(source.data.ndim, dim)
    if source.shape[place] == 0:
        return Tensor(np.prod(source.data, axis=place, keepdims=keepdim))
    while (length := source.shape[place]) > 1:
        half = length // 2
        pairs = multiply(tape, cut(tape, source, place, 0, half), cut(tape, source, place, half, 2 * half))
        if length % 2:
            first = multiply(tape, cut(tape, pairs, place, 0, 1), cut(tape, source, place, length - 1, length))
            source = first if half == 1 else cat(tape, [first, cut(tape, pairs, place, 1, half)], place)
        else:
            source = pairs
    return source if keepdim else total(tape, source, place)


def logsumexp(tape: Tape, x: Any, dim: Any, keepdim: bool = False) -> Tensor:
    source = floating(x)
    chosen = axes(source.data.ndim, dim)
    highest = np.max(source.data, axis=chosen, keepdims=True, initial=-np.inf)
    finite = np.where(np.isfinite(highest), highest, 0.0)
    value = finite + np.log(np.exp(source.data - finite).sum(axis=chosen, keepdims=True))

    def pullback(slope: Array) -> Array:
        share = np.where(np.isneginf(value), 0.0, np.exp(source.data - value))
        return _spread(slope, source.shape, chosen, keepdim=keepdim) * share

    return tape.record(value if keepdim else np.squeeze(value, chosen), (source, pullback))


def _root(tape: Tape, x: Tensor, degree: float) -> Tensor:
    """A root, whose slope at 0 is 0: that is torch's choice for norms and deviations."""
    y = x.data ** (1 / degree)
    return tape.record(y, (x, lambda slope: slope * np.where(y == 0, 0.0, y / (degree * x.data))))


def variance(
    tape: Tape, x: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: float = 1
) -> Any:
    if isinstance(dim, bool):  # var(x, unbiased)
        dim, unbiased = None, dim
    centred = subtract(tape, x, mean(tape, x, dim, keepdim=True))
    count = max(_count(tensor(x), dim) - (number(correction) if unbiased else 0), 0.0)
    return divide(tape, total(tape, UNARY["square"](tape, centred), dim, keepdim), count)


def deviation(
    tape: Tape, x: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: float = 1
) -> Tensor:
    return _root(tape, variance(tape, x, dim, unbiased, keepdim, correction=correction), 2)


def _with_mean(spread: Operation) -> Operation:
    def operation(
        tape: Tape, x: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: float = 1
    ) -> tuple[Any, Any]:
        center = mean(tape, x, None if isinstance(dim, bool) else dim, keepdim)
        return spread(tape, x, dim, unbiased, keepdim, correction=correction), center

    return operation


def norm(tape: Tape, x: Any, p: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Dtype | None = None) -> Any:
    """The length of a vector in the p-norm; "fro" and None are 2, over all dimensions where none is named."""
    source = floating(x)
    degree = 2.0 if p in {None, "fro"} else float(number(p))
    size = UNARY["abs"](tape, source)
    if degree == 0:
        return cast(tape, total(tape, tape.record(size.data != 0), dim, keepdim), Dtype("f"))
    if math.isinf(degree):
        return (amax if degree > 0 else amin)(tape, size, dim, keepdim)
    if degree == 1:
        return total(tape, size, dim, keepdim)
    powers = UNARY["square"](tape, source) if degree == 2 else power(tape, size, degree)
    return _root(tape, total(tape, powers, dim, keepdim), degree)


def vector_norm(
    tape: Tape, x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Dtype | None = None
) -> Any:
    return norm(tape, x, ord, dim, keepdim)


def linalg_norm(
    tape: Tape, x: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Dtype | None = None
) -> Any:
    """torch.linalg.norm, where it is not a norm of matrices."""
    named = 1 if isinstance(dim, int) else tensor(x).data.ndim if dim is None else len(dim)
    if ord is not None and named > 1:
        raise ValueError("norms of matrices are not among the operations: name the one dim of the vectors")
    return norm(tape, x, ord, dim, keepdim)


def _without_nan(reduce: Operation) -> Operation:
    def operation(tape: Tape, x: Any, dim: Any = None, keepdim: bool = False, *, dtype: Dtype | None = None) -> Any:
        source = floating(x)
        absent = Tensor(np.isnan(source.data))
        return reduce(tape, where(tape, absent, 0.0, source), Tensor(~absent.data), dim, keepdim)

    return operation


def _nansum(tape: Tape, x: Tensor, _present: Tensor, dim: Any, keepdim: bool) -> Tensor:
    return total(tape, x, dim, keepdim)


def _nanmean(tape: Tape, x: Tensor, present: Tensor, dim: Any, keepdim: bool) -> Any:
    return divide(tape, total(tape, x, dim, keepdim), total(tape, present, dim, keepdim))


def _fact(reduce: Callable[..., Any]) -> Operation:
    def operation(tape: Tape, x: Any, dim: Any = None, keepdim: bool = False) -> Tensor:
        data = tensor(x).data
        return tape.record(reduce(data != 0, axis=axes(data.ndim, dim), keepdims=keepdim))

    return operation


def _place(find: Callable[..., Any]) -> Operation:
    def operation(tape: Tape, x: Any, dim: int | None = None, keepdim: bool = False) -> Tensor:
        data = tensor(x).data
        return tape.record(find(data, axis=None if dim is None else axis(data.ndim, dim), keepdims=keepdim))

    return operation


REDUCTIONS: Mapping[str, Operation] = {
    "sum": total,
    "mean": mean,
    "amax": amax,
    "amin": amin,
    "prod": product,
    "logsumexp": logsumexp,
    "var": variance,
    "std": deviation,
    "var_mean": _with_mean(variance),
    "std_mean": _with_mean(deviation),
    "norm": norm,
    "vector_norm": vector_norm,
    "linalg_norm": linalg_norm,
    "nansum": _without_nan(_nansum),
    "nanmean": _without_nan(_nanmean),
    "any": _fact(np.any),
    "all": _fact(np.all),
    "count_nonzero": _fact(np.sum),
    "argmax": _place(np.argmax),
    "argmin": _place(np.argmin),
}
