"""Python's own arithmetic, attributes and the math module, which a traced loss uses on sizes and on tensors alike."""

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from mock_server.toy_model.custom_loss.operations.arguments import Dtype, Place, number
from mock_server.toy_model.custom_loss.operations.binary import BINARY
from mock_server.toy_model.custom_loss.operations.conversion import detach
from mock_server.toy_model.custom_loss.operations.indexing import getitem
from mock_server.toy_model.custom_loss.operations.ordering import Chosen
from mock_server.toy_model.custom_loss.operations.products import matmul
from mock_server.toy_model.custom_loss.operations.shapes import matrix_transpose, reversed_dims
from mock_server.toy_model.custom_loss.operations.unary import UNARY, Operation
from mock_server.toy_model.custom_loss.tape import Tape, Tensor, kind_of

_LARGEST = 2**63
_LONGEST = 64


def _checked(value: Any) -> Any:
    """A result of plain arithmetic: sizes and numbers, none of which can be made to fill the memory."""
    if isinstance(value, bool | float) or (isinstance(value, int) and -_LARGEST <= value < _LARGEST):
        return value
    raise OverflowError("the result is not a number that a tensor can hold")


def _power(base: Any, exponent: Any) -> Any:
    if isinstance(base, int) and isinstance(exponent, int) and exponent > 0 and abs(base).bit_length() * exponent > 128:
        raise OverflowError("the result is not a number that a tensor can hold")
    return base**exponent


def _shift_left(value: Any, by: Any) -> Any:
    if by > 63:
        raise OverflowError("the result is not a number that a tensor can hold")
    return value << by


def _either(of_tensors: Operation, of_numbers: Callable[..., Any]) -> Operation:
    """An operator of Python, which tensors define for themselves."""

    def operation(tape: Tape, *operands: Any) -> Any:
        if any(isinstance(operand, Tensor) for operand in operands):
            return of_tensors(tape, *operands)
        if any(not isinstance(operand, bool | int | float) for operand in operands):
            return _of_tuples(of_numbers, operands)
        return _checked(of_numbers(*operands))

    return operation


def _of_tuples(of_numbers: Callable[..., Any], operands: tuple[Any, ...]) -> Any:
    """Shapes are compared and joined."""
    if of_numbers in {operator.eq, operator.ne}:
        return of_numbers(*operands)
    if of_numbers is operator.add and all(isinstance(operand, tuple | list) for operand in operands):
        left, right = operands
        if len(left) + len(right) <= _LONGEST:
            return (*left, *right)
    raise TypeError(f"not defined for {' and '.join(kind_of(operand) for operand in operands)}")


def _numbers_only(*_: Any) -> Any:
    raise TypeError("not defined for tensors here")


OPERATORS: Mapping[str, Operation] = {
    "add": _either(BINARY["add"], operator.add),
    "sub": _either(BINARY["sub"], operator.sub),
    "mul": _either(BINARY["mul"], operator.mul),
    "truediv": _either(BINARY["div"], operator.truediv),
    "floordiv": _either(BINARY["floor_divide"], operator.floordiv),
    "mod": _either(BINARY["remainder"], operator.mod),
    "pow": _either(BINARY["pow"], _power),
    "matmul": matmul,
    "neg": _either(UNARY["neg"], operator.neg),
    "pos": _either(UNARY["positive"], operator.pos),
    "abs": _either(UNARY["abs"], abs),
    "invert": _either(UNARY["bitwise_not"], operator.invert),
    "and_": _either(BINARY["bitwise_and"], operator.and_),
    "or_": _either(BINARY["bitwise_or"], operator.or_),
    "xor": _either(BINARY["bitwise_xor"], operator.xor),
    "lshift": _either(_numbers_only, _shift_left),
    "rshift": _either(_numbers_only, operator.rshift),
    **{name: _either(BINARY[name], getattr(operator, name)) for name in ("eq", "ne", "lt", "le", "gt", "ge")},
    "getitem": getitem,
}
"""The functions of the module operator."""


def _of_math(function: Callable[..., float]) -> Operation:
    def operation(tape: Tape, *operands: Any) -> Any:
        return _checked(function(*(number(operand) for operand in operands)))

    return operation


MATH: Mapping[str, Operation] = {
    name: _of_math(getattr(math, name))
    for name in (
        "exp", "expm1", "log", "log2", "log10", "log1p", "sqrt", "pow", "fabs", "floor", "ceil", "trunc", "fmod",
        "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "erf", "erfc", "hypot",
        "copysign", "isnan", "isinf", "isfinite",
    )
}  # fmt: skip
"""The functions of the module math. Like Python's, they take a tensor of one number as that number."""

SIZES: Mapping[str, Operation] = {
    "sym_max": _either(_numbers_only, max),
    "sym_min": _either(_numbers_only, min),
    "sym_not": _either(_numbers_only, operator.not_),
}
"""torch's functions of sizes that are known only when the loss runs."""

_ATTRIBUTES: Mapping[str, Callable[[Tape, Tensor], Any]] = {
    "shape": lambda _, x: x.shape,
    "ndim": lambda _, x: x.data.ndim,
    "dtype": lambda _, x: Dtype(x.data.dtype.kind),
    "device": lambda *_: Place(),
    "layout": lambda *_: Place(),
    "requires_grad": lambda _, x: x.varies,
    "is_cuda": lambda *_: False,
    "data": detach,
    "T": reversed_dims,
    "mT": matrix_transpose,
}


def attribute(tape: Tape, x: Any, name: str) -> Any:
    """`x.name`, of a tensor or of a result with values and indices."""
    if isinstance(x, Chosen) and name in Chosen._fields:
        return getattr(x, name)
    if isinstance(x, Tensor) and name in _ATTRIBUTES:
        return _ATTRIBUTES[name](tape, x)
    raise AttributeError(f"{kind_of(x)} has no attribute {name!r} here")
