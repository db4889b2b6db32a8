"""Each operation's slope is that of its value: finite differences agree, whatever the numbers and sizes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_server.toy_model.custom_loss import Program
from mock_server.toy_model.custom_loss.evaluation import evaluate
from mock_server.toy_model.custom_loss.operations import TORCH
from mock_server.toy_model.custom_loss.operations.plain import MATH, OPERATORS
from mock_server.toy_model.custom_loss.tape import Work
from mock_server.toy_model.values import Array
from tests.toy_model.custom_loss.tracing import BOOL, CPU, FLOAT, LONG, Symbol, call, written

Case = Callable[[Symbol, Symbol, Symbol, Symbol], Symbol]
"""x [n], varying, from -3 to -0.05; a [n], constants around 0; i [n], whole numbers below n; b [n], booleans."""


def f(name: str, *args: Any, **kwargs: Any) -> Symbol:
    return call(f"torch.{name}", *args, **kwargs)


def nn(name: str, *args: Any, **kwargs: Any) -> Symbol:
    return call(f"torch.nn.functional.{name}", *args, **kwargs)


def op(name: str, *args: Any) -> Symbol:
    return call(f"operator.{name}", *args)


def matrix(x: Symbol, a: Symbol) -> Symbol:
    """[n, n], varying."""
    return x.method("unsqueeze", 1) * a


def length(x: Symbol) -> Symbol:
    return x.attribute("shape")[0]


def _of_one(*names: str) -> dict[str, Case]:
    return {name: lambda x, a, i, b, name=name: f(name, x) for name in names}  # type: ignore[misc]


def _of_minus(*names: str) -> dict[str, Case]:
    return {name: lambda x, a, i, b, name=name: f(name, -x) for name in names}  # type: ignore[misc]


def _of_probability(*names: str) -> dict[str, Case]:
    return {name: lambda x, a, i, b, name=name: f(name, f("exp", x)) for name in names}  # type: ignore[misc]


def _of_two(*names: str) -> dict[str, Case]:
    both: Callable[[str], Case] = lambda name: lambda x, a, i, b: f(name, x, a) + f(name, a, x)  # noqa: E731
    return {name: both(name) for name in names}


def _with_loss(*names: str) -> dict[str, Case]:
    return {name: lambda x, a, i, b, name=name: nn(name, x, a, reduction="sum") for name in names}  # type: ignore[misc]


def _factor(*names: str) -> dict[str, Case]:
    """Results without a slope, as a factor of x."""
    return {name: lambda x, a, i, b, name=name: x * f(name, x) for name in names}  # type: ignore[misc]


def _compared(*names: str) -> dict[str, Case]:
    return {name: lambda x, a, i, b, name=name: x * f(name, x, a) for name in names}  # type: ignore[misc]


def _both_ways(name: str) -> Case:
    return lambda x, a, i, b: op(name, x, a) + op(name, a, x)


def _factor_of_two(name: str) -> Case:
    return lambda x, a, i, b: x * op(name, x, a)


FUNCTIONS: Final[Mapping[str, Case]] = {
    **_of_one(
        "exp", "exp2", "expm1", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh", "asinh", "sigmoid", "logsigmoid",
        "silu", "softsign", "tanhshrink", "frac", "erf", "neg", "positive", "abs", "square", "reciprocal", "nan_to_num",
        "sum", "mean", "amax", "amin", "prod", "var", "std", "norm", "vector_norm", "linalg_norm", "nansum", "nanmean",
        "max", "min", "median", "flatten", "ravel", "squeeze", "unbind", "atleast_1d", "diff", "clone", "relu",
        "contiguous", "cpu", "cuda", "requires_grad_", "float", "double", "half", "bfloat16", "mish", "elu", "gelu",
        "leaky_relu", "hardtanh", "relu6", "hardsigmoid", "softplus", "t",
    ),
    **_of_minus("log", "log2", "log10", "sqrt", "rsqrt", "entr"),
    **_of_probability("log1p", "logit", "asin", "acos", "atanh"),
    **_of_two("add", "sub", "rsub", "mul", "maximum", "minimum", "fmax", "fmin", "atan2", "hypot", "logaddexp",
              "logaddexp2", "dot", "inner", "outer", "matmul"),
    **_with_loss("mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss"),
    **_factor("sign", "sgn", "floor", "ceil", "trunc", "fix", "round", "isnan", "isinf", "isfinite", "signbit",
              "logical_not", "any", "all", "count_nonzero", "argmax", "argmin", "argsort", "zeros_like", "ones_like",
              "long", "int", "bool", "numel", "dim", "is_floating_point"),
    **_compared("eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor"),
    "acosh": lambda x, a, i, b: f("acosh", f("rsub", x, 1.5)),
    "bitwise_and": lambda x, a, i, b: x * f("bitwise_and", i, 1),
    "bitwise_or": lambda x, a, i, b: x * f("bitwise_or", b, x > a),
    "bitwise_xor": lambda x, a, i, b: x * f("bitwise_xor", i, 3),
    "bitwise_not": lambda x, a, i, b: x * f("bitwise_not", b),
    "div": lambda x, a, i, b: f("div", x, a) + f("div", a, x, rounding_mode=None),
    "floor_divide": lambda x, a, i, b: x * f("floor_divide", a, x),
    "remainder": lambda x, a, i, b: f("remainder", x, a) + f("remainder", a, x),
    "fmod": lambda x, a, i, b: f("fmod", x, a) + f("fmod", a, x),
    "pow": lambda x, a, i, b: f("pow", x, 3) + f("pow", x, exponent=2) + f("pow", -x, a) + f("pow", 2, x),
    "float_power": lambda x, a, i, b: f("float_power", -x, a),
    "xlogy": lambda x, a, i, b: f("xlogy", x, f("abs", a)) + f("xlogy", a, -x),
    "where": lambda x, a, i, b: f("where", b, x, a * 2.0) + f("where", x > a, f("exp", x), 0.0),
    "masked_fill": lambda x, a, i, b: x.method("masked_fill", mask=b, value=1.5),
    "clamp": lambda x, a, i, b: f("clamp", x, -1.5, -0.5) + f("clamp", x, min=a, max=a + 1.0) + f("clamp", a, x),
    "clamp_min": lambda x, a, i, b: f("clamp_min", x, -1.0),
    "clamp_max": lambda x, a, i, b: f("clamp_max", x, a),
    "lerp": lambda x, a, i, b: f("lerp", x, a, 0.3) + f("lerp", a, x, f("exp", x)),
    "addcmul": lambda x, a, i, b: f("addcmul", x, x, a, value=2),
    "addcdiv": lambda x, a, i, b: f("addcdiv", a, a, x, value=0.5),
    "softmax": lambda x, a, i, b: nn("softmax", x, dim=-1) * a,
    "log_softmax": lambda x, a, i, b: nn("log_softmax", x, dim=-1) * a,
    "softmin": lambda x, a, i, b: nn("softmin", x, dim=0) * a,
    "threshold": lambda x, a, i, b: nn("threshold", x, -1.0, 0.5),
    "normalize": lambda x, a, i, b: nn("normalize", x, dim=0) * a,
    "cosine_similarity": lambda x, a, i, b: f("cosine_similarity", x, a, dim=0),
    "binary_cross_entropy": lambda x, a, i, b: nn("binary_cross_entropy", f("exp", x), f("sigmoid", a)),
    "binary_cross_entropy_with_logits": lambda x, a, i, b: nn(
        "binary_cross_entropy_with_logits", x, f("sigmoid", a), weight=f("exp", a), pos_weight=f("exp", a)
    ),
    "kl_div": lambda x, a, i, b: nn("kl_div", x, f("exp", a)) + nn("kl_div", a, x, log_target=True),
    "margin_ranking_loss": lambda x, a, i, b: nn("margin_ranking_loss", x, a, f("ones_like", a), margin=0.5),
    "nll_loss": lambda x, a, i, b: nn("nll_loss", matrix(x, a), i, ignore_index=0, reduction="sum"),
    "cross_entropy": lambda x, a, i, b: nn("cross_entropy", matrix(x, a), i, label_smoothing=0.0),
    "logsumexp": lambda x, a, i, b: f("logsumexp", x, dim=0) + f("logsumexp", matrix(x, a), (0, 1)),
    "var_mean": lambda x, a, i, b: f("var_mean", x, dim=0)[0] + f("var_mean", x)[1],
    "std_mean": lambda x, a, i, b: f("std_mean", x, correction=0)[0],
    "sort": lambda x, a, i, b: f("sort", x, descending=True).attribute("values") * a,
    "topk": lambda x, a, i, b: x.method("topk", 2)[0] + x.method("topk", 2, largest=False)[0],
    "cumsum": lambda x, a, i, b: f("cumsum", x, 0) * a,
    "cumprod": lambda x, a, i, b: f("cumprod", x, dim=0) * a,
    "logcumsumexp": lambda x, a, i, b: f("logcumsumexp", x, 0) * a,
    "cummax": lambda x, a, i, b: f("cummax", x, 0).attribute("values") * a,
    "cummin": lambda x, a, i, b: f("cummin", x, dim=-1)[0] * a,
    "reshape": lambda x, a, i, b: f("reshape", matrix(x, a), (-1,)),
    "view": lambda x, a, i, b: matrix(x, a).method("view", 1, -1),
    "reshape_as": lambda x, a, i, b: x.method("unsqueeze", 0).method("reshape_as", a) * a,
    "view_as": lambda x, a, i, b: x.method("unsqueeze", 0).method("view_as", a) * a,
    "unsqueeze": lambda x, a, i, b: x.method("unsqueeze", -1) * a,
    "expand": lambda x, a, i, b: x.method("unsqueeze", 0).method("expand", 3, -1) * a,
    "expand_as": lambda x, a, i, b: x.method("expand_as", matrix(a, a)) * a,
    "broadcast_to": lambda x, a, i, b: f("broadcast_to", x, (2, length(x))) * a,
    "broadcast_tensors": lambda x, a, i, b: f("broadcast_tensors", x, matrix(a, a))[0] * a,
    "meshgrid": lambda x, a, i, b: f("meshgrid", x, a, indexing="ij")[0] * f("meshgrid", x, a, indexing="xy")[0],
    "repeat": lambda x, a, i, b: x.method("repeat", 2, 3),
    "tile": lambda x, a, i, b: f("tile", matrix(x, a), (2,)),
    "permute": lambda x, a, i, b: matrix(x, a).method("permute", 1, 0) * a,
    "transpose": lambda x, a, i, b: matrix(x, a).method("transpose", 0, -1) * a,
    "movedim": lambda x, a, i, b: f("movedim", matrix(x, a), 0, 1) * a,
    "flip": lambda x, a, i, b: f("flip", x, dims=[0]) * a,
    "roll": lambda x, a, i, b: f("roll", x, 1) * a + f("roll", x, shifts=-1, dims=0) * a,
    "narrow": lambda x, a, i, b: x.method("narrow", 0, 1, 2) + x.method("narrow", 0, -2, 2),
    "split": lambda x, a, i, b: f("split", x, 2)[0] + x.method("split", [2, length(x) - 2])[0],
    "chunk": lambda x, a, i, b: f("chunk", x, 2, dim=0)[1],
    "cat": lambda x, a, i, b: f("cat", [x, a, x], dim=-1),
    "stack": lambda x, a, i, b: f("stack", (x, a, x), dim=1) * 2,
    "hstack": lambda x, a, i, b: f("hstack", [x, a]),
    "vstack": lambda x, a, i, b: f("vstack", [x, a]) * a,
    "pad": lambda x, a, i, b: nn("pad", x, (1, 2), mode="constant", value=3.0),
    "tril": lambda x, a, i, b: f("tril", matrix(x, a)),
    "triu": lambda x, a, i, b: f("triu", matrix(x, a), diagonal=1),
    "select": lambda x, a, i, b: matrix(x, a).method("select", 1, -1),
    "index_select": lambda x, a, i, b: f("index_select", x, 0, i) * a,
    "masked_select": lambda x, a, i, b: x.method("masked_select", b),
    "take": lambda x, a, i, b: f("take", matrix(x, a), i),
    "gather": lambda x, a, i, b: f("gather", x, 0, i) * a,
    "take_along_dim": lambda x, a, i, b: f("take_along_dim", x, i, dim=0) * a,
    "repeat_interleave": lambda x, a, i, b: f("repeat_interleave", x, 2) * f("repeat_interleave", a, 2, dim=0),
    "scatter_add": lambda x, a, i, b: f("zeros_like", x).method("scatter_add", 0, i, x),
    "index_add": lambda x, a, i, b: f("exp", x).method("index_add", 0, i, x, alpha=2),
    "diagonal": lambda x, a, i, b: f("diagonal", matrix(x, a), offset=1),
    "mm": lambda x, a, i, b: f("mm", matrix(x, a), matrix(x, a)),
    "mv": lambda x, a, i, b: f("mv", matrix(x, a), x),
    "bmm": lambda x, a, i, b: f("bmm", matrix(x, a)[None], matrix(a, x)[None]),
    "zeros": lambda x, a, i, b: x + f("zeros", x.attribute("shape")),
    "ones": lambda x, a, i, b: x * f("ones", length(x), dtype=FLOAT, device=CPU),
    "full": lambda x, a, i, b: x * f("full", (length(x),), 2.0),
    "full_like": lambda x, a, i, b: x * f("full_like", x, 2),
    "new_zeros": lambda x, a, i, b: x + x.method("new_zeros", length(x)),
    "new_ones": lambda x, a, i, b: x * x.method("new_ones", x.attribute("shape")),
    "new_full": lambda x, a, i, b: x * x.method("new_full", (length(x),), 3.0),
    "arange": lambda x, a, i, b: x * f("arange", length(x)) * f("arange", 1, length(x) + 1, dtype=FLOAT),
    "linspace": lambda x, a, i, b: x * f("linspace", 0, 1, length(x)),
    "eye": lambda x, a, i, b: f("eye", length(x)).method("matmul", x),
    "scalar_tensor": lambda x, a, i, b: x * f("scalar_tensor", length(x)),
    "one_hot": lambda x, a, i, b: x * nn("one_hot", i, length(x)),
    "to": lambda x, a, i, b: x.method("to", CPU, FLOAT) * b.method("to", dtype=FLOAT) * i.method("to", x),
    "type": lambda x, a, i, b: x * a.method("type", LONG) * i.method("type", BOOL),
    "type_as": lambda x, a, i, b: x * i.method("type_as", x),
    "size": lambda x, a, i, b: x * x.method("size", 0) + f("zeros", x.method("size")),
    "detach": lambda x, a, i, b: x * f("detach", a),
    "sym_max": lambda x, a, i, b: x * f("sym_max", length(x), 4),
    "sym_min": lambda x, a, i, b: x * f("sym_min", length(x), 4),
    "sym_not": lambda x, a, i, b: x * f("sym_not", length(x)) + x,
}  # fmt: skip

OPERATOR_CASES: Final[Mapping[str, Case]] = {
    **{name: _both_ways(name) for name in ("add", "sub", "mul", "truediv", "mod")},
    **{name: _factor_of_two(name) for name in ("eq", "ne", "lt", "le", "gt", "ge")},
    "floordiv": lambda x, a, i, b: x * op("floordiv", length(x), 2) + x * op("floordiv", a, x),
    "pow": lambda x, a, i, b: op("pow", x, 2) * op("pow", length(x), 0.5),
    "matmul": lambda x, a, i, b: op("matmul", x, a),
    "neg": lambda x, a, i, b: op("neg", x) * op("neg", length(x)),
    "pos": lambda x, a, i, b: op("pos", x),
    "abs": lambda x, a, i, b: op("abs", x),
    "invert": lambda x, a, i, b: x * op("invert", b),
    "and_": lambda x, a, i, b: x * op("and_", b, x > a) * op("and_", length(x), 7),
    "or_": lambda x, a, i, b: x * op("or_", b, x > a),
    "xor": lambda x, a, i, b: x * op("xor", b, x > a),
    "lshift": lambda x, a, i, b: x * op("lshift", length(x), 2),
    "rshift": lambda x, a, i, b: x * op("rshift", length(x), 1),
    "getitem": lambda x, a, i, b: (
        x[1:] * x[:-1] + x[0] + x[-1] * matrix(x, a)[i, 0][1:] + matrix(x, a)[..., None, :][1:, 0, length(x) - 1]
        + matrix(x, a)[0, i][:-1]
    ) * x[None, 1:] * x[[0, 1, 0]][1] + x[b].method("sum") + matrix(x, a)[matrix(x, a) > 0].method("sum"),
}  # fmt: skip


def slope_and_difference(program: Program, seed: int, n: int) -> tuple[Array, Array]:
    """The slope, and how the loss changes when each logprob does."""
    rng = np.random.default_rng(seed)
    x = -rng.uniform(0.05, 3, n)
    inputs = [rng.normal(size=n), rng.integers(0, n, n), rng.integers(0, 2, n)]
    inputs[2][:2] = 1, 0  # some true, some not

    def loss(at: Array) -> float:
        return evaluate(program, at, inputs, Work()).loss

    step = 1e-6
    difference = np.array([(loss(x + step * unit) - loss(x - step * unit)) / (2 * step) for unit in np.eye(n)])
    return evaluate(program, x, inputs, Work()).slope, difference


def check(case: Case, seed: int, n: int) -> None:
    def loss(x: Symbol, a: Symbol, i: Symbol, b: Symbol) -> tuple[Symbol, dict[str, Symbol]]:
        y = case(x, a, i, b.method("bool"))
        total = f("sum", y[0] if case is FUNCTIONS["unbind"] else y)
        # The second term tells apart numbers that only change places; the third keeps x in what has no slope.
        return total + total * total * 0.1 + f("sum", x) * 1.0, {}

    program = written(loss, logprobs=1, a=1, i=1, b=1)
    slope, difference = slope_and_difference(program, seed, n)
    assert np.isfinite(slope).all()
    np.testing.assert_allclose(slope, difference, rtol=2e-4, atol=2e-4 * max(1.0, float(np.abs(difference).max())))


@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys()))
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32), n=st.integers(3, 7))
def test_the_slope_of_a_function_of_torch_is_that_of_its_value(name: str, seed: int, n: int) -> None:
    check(FUNCTIONS[name], seed, n)


@pytest.mark.parametrize("name", sorted(OPERATOR_CASES))
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32), n=st.integers(3, 7))
def test_the_slope_of_an_operator_is_that_of_its_value(name: str, seed: int, n: int) -> None:
    check(OPERATOR_CASES[name], seed, n)


@pytest.mark.parametrize("name", sorted(MATH))
def test_functions_of_math_take_sizes_and_tensors_of_one_number(name: str) -> None:
    def loss(x: Symbol) -> tuple[Symbol, dict[str, Symbol]]:
        small = [length(x) / 8] * (2 if name in {"pow", "fmod", "atan2", "hypot", "copysign"} else 1)
        of_tensor = [f("scalar_tensor", number) for number in small]
        return f("sum", x), {
            "custom/number:sum": call(f"math.{name}", *small),
            "custom/tensor:sum": call(f"math.{name}", *of_tensor),
        }

    metrics = evaluate(written(loss, logprobs=1), -np.ones(4), [], Work()).metrics
    arguments = [0.5] * (2 if name in {"pow", "fmod", "atan2", "hypot", "copysign"} else 1)
    assert set(metrics.values()) == {float(getattr(math, name)(*arguments))}


def test_every_operation_of_the_closed_list_is_checked_here() -> None:
    assert FUNCTIONS.keys() == TORCH.keys()
    assert OPERATOR_CASES.keys() == OPERATORS.keys()
