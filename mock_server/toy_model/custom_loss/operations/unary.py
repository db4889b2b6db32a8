"""Functions of one number, applied to each element: value and derivative."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mock_server.toy_model.custom_loss.tape import Tape, Tensor, floating, tensor
from mock_server.toy_model.values import Array

Operation = Callable[..., Any]
"""Takes the tape, then what the node of the graph gives it."""

_erf = np.frompyfunc(math.erf, 1, 1)


def erf_of(x: Array) -> Array:
    return np.asarray(_erf(x), np.float64)


def sigmoid_of(x: Array) -> Array:
    # One exponential of a negative number for either sign, so that nothing overflows.
    small = np.exp(-np.abs(x))
    result: Array = np.where(x >= 0, 1, small) / (1 + small)
    return result


def smooth(value: Callable[[Array], Array], derivative: Callable[[Array, Array], Array]) -> Operation:
    """A function whose results have fractions. derivative(x, y) -> dy/dx."""

    def operation(tape: Tape, x: Any) -> Tensor:
        source = floating(x)
        y = value(source.data)
        return tape.record(y, (source, lambda slope: slope * derivative(source.data, y)))

    return operation


def keeping(value: Callable[[Array], Array], derivative: Callable[[Array], Any]) -> Operation:
    """A function that makes whole numbers of whole numbers. derivative(x) -> dy/dx."""

    def operation(tape: Tape, x: Any) -> Tensor:
        source = tensor(x)
        return tape.record(value(source.data), (source, lambda slope: slope * derivative(source.data)))

    return operation


def test(value: Callable[[Array], Array]) -> Operation:
    """A question with the answer true or false."""

    def operation(tape: Tape, x: Any) -> Tensor:
        return tape.record(value(tensor(x).data))

    return operation


def _step(value: Callable[[Array], Array]) -> Operation:
    """A function that is flat wherever it has a derivative."""

    def unfloated(x: Array) -> Array:
        return value(x) if x.dtype.kind == "f" else x

    return keeping(unfloated, lambda _: 0.0)


def rounded(tape: Tape, x: Any, *, decimals: int = 0) -> Tensor:
    source = tensor(x)
    value = np.round(source.data, decimals) if source.data.dtype.kind == "f" else source.data
    return tape.record(value, (source, np.zeros_like))


def erf(tape: Tape, x: Any) -> Tensor:
    source = floating(x)
    tape.room(source.shape, work=64)  # without numpy's help: one call of Python's erf a number
    return tape.record(
        erf_of(source.data), (source, lambda slope: slope * 2 / math.sqrt(math.pi) * np.exp(-(source.data**2)))
    )


def nan_to_num(
    tape: Tape, x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    source = floating(x)
    largest = float(np.finfo(np.float32).max)  # of the type that torch would have here
    high, low = largest if posinf is None else posinf, -largest if neginf is None else neginf
    y = np.nan_to_num(source.data, nan=nan, posinf=high, neginf=low)
    return tape.record(y, (source, lambda slope: slope * np.isfinite(source.data)))


UNARY: Mapping[str, Operation] = {
    "exp": smooth(np.exp, lambda _, y: y),
    "exp2": smooth(np.exp2, lambda _, y: y * math.log(2)),
    "expm1": smooth(np.expm1, lambda _, y: y + 1),
    "log": smooth(np.log, lambda x, _: 1 / x),
    "log2": smooth(np.log2, lambda x, _: 1 / (x * math.log(2))),
    "log10": smooth(np.log10, lambda x, _: 1 / (x * math.log(10))),
    "log1p": smooth(np.log1p, lambda x, _: 1 / (1 + x)),
    "logit": smooth(lambda x: np.log(x / (1 - x)), lambda x, _: 1 / (x * (1 - x))),
    "sqrt": smooth(np.sqrt, lambda _, y: 0.5 / y),
    "rsqrt": smooth(lambda x: 1 / np.sqrt(x), lambda _, y: -0.5 * y**3),
    "reciprocal": smooth(lambda x: 1 / x, lambda _, y: -y * y),
    "sin": smooth(np.sin, lambda x, _: np.cos(x)),
    "cos": smooth(np.cos, lambda x, _: -np.sin(x)),
    "tan": smooth(np.tan, lambda _, y: 1 + y * y),
    "asin": smooth(np.arcsin, lambda x, _: 1 / np.sqrt(1 - x * x)),
    "acos": smooth(np.arccos, lambda x, _: -1 / np.sqrt(1 - x * x)),
    "atan": smooth(np.arctan, lambda x, _: 1 / (1 + x * x)),
    "sinh": smooth(np.sinh, lambda x, _: np.cosh(x)),
    "cosh": smooth(np.cosh, lambda x, _: np.sinh(x)),
    "tanh": smooth(np.tanh, lambda _, y: 1 - y * y),
    "asinh": smooth(np.arcsinh, lambda x, _: 1 / np.sqrt(x * x + 1)),
    "acosh": smooth(np.arccosh, lambda x, _: 1 / np.sqrt(x * x - 1)),
    "atanh": smooth(np.arctanh, lambda x, _: 1 / (1 - x * x)),
    "sigmoid": smooth(sigmoid_of, lambda _, y: y * (1 - y)),
    "logsigmoid": smooth(lambda x: -np.logaddexp(0, -x), lambda x, _: sigmoid_of(-x)),
    "silu": smooth(lambda x: x * sigmoid_of(x), lambda x, y: sigmoid_of(x) * (1 + x - y)),
    "softsign": smooth(lambda x: x / (1 + np.abs(x)), lambda x, _: 1 / (1 + np.abs(x)) ** 2),
    "tanhshrink": smooth(lambda x: x - np.tanh(x), lambda x, _: np.tanh(x) ** 2),
    "frac": smooth(lambda x: x - np.trunc(x), lambda x, _: np.ones_like(x)),
    "erf": erf,
    "neg": keeping(np.negative, lambda _: -1.0),
    "positive": keeping(lambda x: x, lambda _: 1.0),
    "abs": keeping(np.abs, np.sign),
    "square": keeping(np.square, lambda x: 2 * x),
    "relu": keeping(lambda x: np.maximum(x, 0), lambda x: x > 0),
    "sign": _step(np.sign),
    "sgn": _step(np.sign),
    "floor": _step(np.floor),
    "ceil": _step(np.ceil),
    "trunc": _step(np.trunc),
    "fix": _step(np.trunc),
    "round": rounded,
    "nan_to_num": nan_to_num,
    "isnan": test(np.isnan),
    "isinf": test(np.isinf),
    "isfinite": test(np.isfinite),
    "signbit": test(np.signbit),
    "logical_not": test(lambda x: x == 0),
    "bitwise_not": test(np.invert),
}
