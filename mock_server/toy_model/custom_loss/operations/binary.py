"""Functions of two or three numbers, element by element, repeated along missing dimensions as in torch and numpy."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mock_server.toy_model.custom_loss.operations.unary import Operation
from mock_server.toy_model.custom_loss.tape import Tape, Tensor, floating, tensor, unbroadcast
from mock_server.toy_model.values import Array

Values = Callable[[Array, Array], Array]
Slope = Callable[[Array, Array, Array], Any]
"""(a, b, y) -> dy/da or dy/db."""


def _recorded(tape: Tape, f: Values, by_a: Slope, by_b: Slope, a: Tensor, b: Tensor) -> Tensor:
    tape.room(np.broadcast_shapes(a.shape, b.shape))
    y = f(a.data, b.data)
    return tape.record(
        y,
        (a, lambda slope: unbroadcast(slope * by_a(a.data, b.data, y), a.shape)),
        (b, lambda slope: unbroadcast(slope * by_b(a.data, b.data, y), b.shape)),
    )


def _pair(f: Values, by_a: Slope, by_b: Slope, convert: Callable[[Any], Tensor] = tensor) -> Operation:
    def operation(tape: Tape, x: Any, other: Any) -> Tensor:
        return _recorded(tape, f, by_a, by_b, convert(x), convert(other))

    return operation


def _one(*_: Array) -> float:
    return 1.0


def _flat(*_: Array) -> float:
    return 0.0


multiply = _pair(np.multiply, lambda _a, b, _y: b, lambda a, _b, _y: a)
_add = _pair(np.add, _one, _one)
_subtract = _pair(np.subtract, _one, lambda *_: -1.0)
_quotient = _pair(np.divide, lambda _a, b, _y: 1 / b, lambda _a, b, y: -y / b, floating)
_floor_quotient = _pair(np.floor_divide, _flat, _flat)
# Where both are the same, torch gives each half of the slope.
maximum = _pair(np.maximum, lambda a, b, _: (a > b) + 0.5 * (a == b), lambda a, b, _: (b > a) + 0.5 * (a == b))
minimum = _pair(np.minimum, lambda a, b, _: (a < b) + 0.5 * (a == b), lambda a, b, _: (b < a) + 0.5 * (a == b))


def add(tape: Tape, x: Any, other: Any, *, alpha: float = 1) -> Any:
    return _add(tape, x, other if alpha == 1 else multiply(tape, other, alpha))


def subtract(tape: Tape, x: Any, other: Any, *, alpha: float = 1) -> Any:
    return _subtract(tape, x, other if alpha == 1 else multiply(tape, other, alpha))


def rsub(tape: Tape, x: Any, other: Any, *, alpha: float = 1) -> Any:
    return subtract(tape, other, x, alpha=alpha)


def divide(tape: Tape, x: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    if rounding_mode is None:
        return _quotient(tape, x, other)
    if rounding_mode == "floor":
        return _floor_quotient(tape, x, other)
    if rounding_mode != "trunc":
        raise ValueError(f"rounding_mode {rounding_mode!r} is neither 'floor' nor 'trunc'")
    whole_numbers = tensor(x).data.dtype.kind != "f" and tensor(other).data.dtype.kind != "f"
    quotient = _quotient(tape, x, other)
    truncated = np.trunc(quotient.data)
    return tape.record(truncated.astype(np.int64) if whole_numbers else truncated, (quotient, np.zeros_like))


def _power(a: Array, b: Array) -> Array:
    result: Array = np.power(a, b)
    return result


def _power_by_base(a: Array, b: Array, _y: Array) -> Array:
    return np.where(b == 0, 0.0, b * np.power(a.astype(np.float64), b - 1.0))


def _power_by_exponent(a: Array, b: Array, y: Array) -> Array:
    return np.where((a == 0) & (b >= 0), 0.0, y * np.log(a))


power = _pair(_power, _power_by_base, _power_by_exponent)


def _share(mine: Array, y: Array) -> Array:
    """Of log(exp(a) + exp(b)): how much of the sum is mine; nothing where there is no sum."""
    return np.where(y == -np.inf, 0.0, np.exp(mine - y))


logaddexp = _pair(np.logaddexp, lambda a, _, y: _share(a, y), lambda _, b, y: _share(b, y), floating)


def xlogy(tape: Tape, x: Any, other: Any) -> Tensor:
    """0 where x is 0, whatever other is."""
    return _recorded(
        tape,
        lambda a, b: np.where(a == 0, 0.0, a * np.log(b)),
        lambda a, b, _: np.where((a == 0) & (b <= 0), 0.0, np.log(b)),
        lambda a, b, _: np.where(a == 0, 0.0, a / b),
        floating(x),
        floating(other),
    )


def where(tape: Tape, condition: Any, x: Any, other: Any) -> Tensor:
    mask, a, b = tensor(condition), tensor(x), tensor(other)
    if mask.data.dtype.kind != "b":
        raise TypeError("expected a condition of booleans")
    tape.room(np.broadcast_shapes(mask.shape, a.shape, b.shape))
    return tape.record(
        np.where(mask.data, a.data, b.data),
        (a, lambda slope: unbroadcast(np.where(mask.data, slope, 0.0), a.shape)),
        (b, lambda slope: unbroadcast(np.where(mask.data, 0.0, slope), b.shape)),
    )


def where_method(tape: Tape, x: Any, condition: Any, other: Any) -> Tensor:
    """`x.where(condition, other)`."""
    return where(tape, condition, x, other)


def masked_fill(tape: Tape, x: Any, mask: Any, value: Any) -> Tensor:
    return where(tape, mask, value, x)


def clamp(tape: Tape, x: Any, min: Any = None, max: Any = None) -> Tensor:
    """Within bounds that may be tensors. On a bound the slope is still x's, as in torch."""
    if min is None and max is None:
        raise ValueError("give min or max")
    source = tensor(x)
    low, high = tensor(-np.inf if min is None else min), tensor(np.inf if max is None else max)
    tape.room(np.broadcast_shapes(source.shape, low.shape, high.shape))
    value = source.data
    if min is not None:
        value = np.maximum(value, low.data)
    if max is not None:
        value = np.minimum(value, high.data)

    def by_x(slope: Array) -> Array:
        return slope * ((source.data >= low.data) & (source.data <= high.data))

    def by_low(slope: Array) -> Array:
        return slope * ((source.data < low.data) & (low.data < high.data))

    def by_high(slope: Array) -> Array:
        return slope * ((source.data > high.data) | (low.data >= high.data))

    return tape.record(
        value,
        (source, lambda slope: unbroadcast(by_x(slope), source.shape)),
        (low, lambda slope: unbroadcast(by_low(slope), low.shape)),
        (high, lambda slope: unbroadcast(by_high(slope), high.shape)),
    )


def clamp_min(tape: Tape, x: Any, min: Any) -> Tensor:
    return clamp(tape, x, min=min)


def clamp_max(tape: Tape, x: Any, max: Any) -> Tensor:
    return clamp(tape, x, max=max)


def lerp(tape: Tape, x: Any, end: Any, weight: Any) -> Any:
    return add(tape, x, multiply(tape, weight, subtract(tape, end, x)))


def addcmul(tape: Tape, x: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Any:
    return add(tape, x, multiply(tape, tensor1, tensor2), alpha=value)


def addcdiv(tape: Tape, x: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Any:
    return add(tape, x, divide(tape, tensor1, tensor2), alpha=value)


def _comparison(f: Callable[[Array, Array], Any]) -> Operation:
    def operation(tape: Tape, x: Any, other: Any) -> Tensor:
        a, b = tensor(x), tensor(other)
        tape.room(np.broadcast_shapes(a.shape, b.shape))
        return tape.record(f(a.data, b.data))

    return operation


BINARY: Mapping[str, Operation] = {
    "add": add,
    "sub": subtract,
    "rsub": rsub,
    "mul": multiply,
    "div": divide,
    "floor_divide": _floor_quotient,
    "remainder": _pair(np.remainder, _one, lambda a, b, _: -np.floor(a / b)),
    "fmod": _pair(np.fmod, _one, lambda a, b, _: -np.trunc(a / b)),
    "pow": power,
    "float_power": _pair(_power, _power_by_base, _power_by_exponent, floating),
    "maximum": maximum,
    "minimum": minimum,
    "fmax": _pair(np.fmax, lambda a, b, _: (a >= b) | np.isnan(b), lambda a, b, _: ~((a >= b) | np.isnan(b))),
    "fmin": _pair(np.fmin, lambda a, b, _: (a <= b) | np.isnan(b), lambda a, b, _: ~((a <= b) | np.isnan(b))),
    "atan2": _pair(np.arctan2, lambda a, b, _: b / (a * a + b * b), lambda a, b, _: -a / (a * a + b * b), floating),
    "hypot": _pair(np.hypot, lambda a, _, y: a / y, lambda _, b, y: b / y, floating),
    "logaddexp": logaddexp,
    "logaddexp2": _pair(
        np.logaddexp2,
        lambda a, _, y: np.where(y == -np.inf, 0.0, np.exp2(a - y)),
        lambda _, b, y: np.where(y == -np.inf, 0.0, np.exp2(b - y)),
        floating,
    ),
    "xlogy": xlogy,
    "where": where,
    "masked_fill": masked_fill,
    "clamp": clamp,
    "clamp_min": clamp_min,
    "clamp_max": clamp_max,
    "lerp": lerp,
    "addcmul": addcmul,
    "addcdiv": addcdiv,
    "eq": _comparison(np.equal),
    "ne": _comparison(np.not_equal),
    "lt": _comparison(np.less),
    "le": _comparison(np.less_equal),
    "gt": _comparison(np.greater),
    "ge": _comparison(np.greater_equal),
    "logical_and": _comparison(np.logical_and),
    "logical_or": _comparison(np.logical_or),
    "logical_xor": _comparison(np.logical_xor),
    "bitwise_and": _comparison(np.bitwise_and),
    "bitwise_or": _comparison(np.bitwise_or),
    "bitwise_xor": _comparison(np.bitwise_xor),
}
