"""What losses are made of in torch.nn.functional: softmax, activations with settings, and ready-made losses."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from mock_server.toy_model.custom_loss.operations.arguments import Dtype, axes, number
from mock_server.toy_model.custom_loss.operations.binary import (
    add,
    clamp,
    divide,
    maximum,
    multiply,
    power,
    subtract,
    where,
    xlogy,
)
from mock_server.toy_model.custom_loss.operations.conversion import cast
from mock_server.toy_model.custom_loss.operations.indexing import gather
from mock_server.toy_model.custom_loss.operations.reductions import logsumexp, mean, norm, total
from mock_server.toy_model.custom_loss.operations.shapes import squeeze, unsqueeze
from mock_server.toy_model.custom_loss.operations.unary import UNARY, Operation, sigmoid_of
from mock_server.toy_model.custom_loss.tape import Tape, Tensor, floating, tensor
from mock_server.toy_model.values import Array


def _softmax_dim(source: Tensor, dim: Any) -> Any:
    return (0 if source.data.ndim in {0, 1, 3} else 1) if dim is None else dim


def log_softmax(tape: Tape, x: Any, dim: int | None = None, dtype: Dtype | None = None) -> Any:
    source = floating(x)
    return subtract(tape, source, logsumexp(tape, source, _softmax_dim(source, dim), keepdim=True))


def softmax(tape: Tape, x: Any, dim: int | None = None, dtype: Dtype | None = None) -> Tensor:
    source = floating(x)
    chosen = axes(source.data.ndim, _softmax_dim(source, dim))
    powers = np.exp(source.data - source.data.max(axis=chosen, keepdims=True, initial=-np.inf))
    y = powers / powers.sum(axis=chosen, keepdims=True)

    def pullback(slope: Array) -> Array:
        weighted = slope * y
        flowing: Array = weighted - y * weighted.sum(axis=chosen, keepdims=True)
        return flowing

    return tape.record(y, (source, pullback))


def softmin(tape: Tape, x: Any, dim: int | None = None, dtype: Dtype | None = None) -> Tensor:
    return softmax(tape, UNARY["neg"](tape, x), dim)


def softplus(tape: Tape, x: Any, beta: float = 1, threshold: float = 20) -> Tensor:
    """Beyond its threshold torch takes x itself, which differs by less than 1e-8."""
    source, sharpness = floating(x), number(beta)
    return tape.record(
        np.logaddexp(0, sharpness * source.data) / sharpness,
        (source, lambda slope: slope * sigmoid_of(sharpness * source.data)),
    )


def gelu(tape: Tape, x: Any, *, approximate: str = "none") -> Any:
    source = floating(x)
    if approximate == "tanh":
        cubic = add(tape, source, multiply(tape, power(tape, source, 3), 0.044715))
        gate = UNARY["tanh"](tape, multiply(tape, cubic, math.sqrt(2 / math.pi)))
    else:
        gate = UNARY["erf"](tape, multiply(tape, source, math.sqrt(0.5)))
    return multiply(tape, multiply(tape, source, 0.5), add(tape, gate, 1))


def leaky_relu(tape: Tape, x: Any, negative_slope: float = 0.01) -> Any:
    return where(tape, Tensor(tensor(x).data > 0), x, multiply(tape, x, negative_slope))


def elu(tape: Tape, x: Any, alpha: float = 1.0) -> Any:
    below = UNARY["expm1"](tape, clamp(tape, x, max=0.0))  # clamped, so that what is above 0 can't overflow
    return where(tape, Tensor(tensor(x).data > 0), x, multiply(tape, below, alpha))


def hardtanh(tape: Tape, x: Any, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    return clamp(tape, x, min_val, max_val)


def relu6(tape: Tape, x: Any) -> Tensor:
    return clamp(tape, x, 0.0, 6.0)


def hardsigmoid(tape: Tape, x: Any) -> Any:
    return divide(tape, clamp(tape, add(tape, x, 3), 0.0, 6.0), 6)


def mish(tape: Tape, x: Any) -> Any:
    return multiply(tape, x, UNARY["tanh"](tape, softplus(tape, x)))


def threshold(tape: Tape, x: Any, threshold: float, value: float) -> Tensor:
    return where(tape, Tensor(tensor(x).data > threshold), x, value)


def entr(tape: Tape, x: Any) -> Any:
    """-x * log(x)."""
    return UNARY["neg"](tape, xlogy(tape, x, x))


def normalize(tape: Tape, x: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Any:
    return divide(tape, x, clamp(tape, norm(tape, x, p, dim, keepdim=True), min=eps))


def cosine_similarity(tape: Tape, x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    lengths = [maximum(tape, norm(tape, side, 2, dim), eps) for side in (x1, x2)]
    return divide(tape, total(tape, multiply(tape, x1, x2), dim), multiply(tape, *lengths))


def _reduced(tape: Tape, losses: Any, reduction: str) -> Any:
    if reduction == "mean":
        return mean(tape, losses)
    if reduction == "sum":
        return total(tape, losses)
    if reduction != "none":
        raise ValueError(f"reduction {reduction!r} is none of 'mean', 'sum' and 'none'")
    return losses


def _weighted(tape: Tape, losses: Any, weight: Any, reduction: str) -> Any:
    return _reduced(tape, losses if weight is None else multiply(tape, losses, weight), reduction)


def mse_loss(tape: Tape, x: Any, target: Any, *, reduction: str = "mean") -> Any:
    return _reduced(tape, UNARY["square"](tape, subtract(tape, x, target)), reduction)


def l1_loss(tape: Tape, x: Any, target: Any, *, reduction: str = "mean") -> Any:
    return _reduced(tape, UNARY["abs"](tape, subtract(tape, x, target)), reduction)


def _rounded_distance(tape: Tape, x: Any, target: Any, edge: float) -> Any:
    """A parabola within `edge` of the target, which goes on as a straight line: edge times smooth_l1."""
    far = UNARY["abs"](tape, subtract(tape, x, target))
    line = multiply(tape, subtract(tape, far, 0.5 * edge), edge)
    return where(tape, Tensor(far.data < edge), multiply(tape, UNARY["square"](tape, far), 0.5), line)


def huber_loss(tape: Tape, x: Any, target: Any, *, reduction: str = "mean", delta: float = 1.0) -> Any:
    return _reduced(tape, _rounded_distance(tape, x, target, delta), reduction)


def smooth_l1_loss(tape: Tape, x: Any, target: Any, *, reduction: str = "mean", beta: float = 1.0) -> Any:
    if beta == 0:
        return l1_loss(tape, x, target, reduction=reduction)
    return _reduced(tape, divide(tape, _rounded_distance(tape, x, target, beta), beta), reduction)


def binary_cross_entropy(tape: Tape, x: Any, target: Any, weight: Any = None, *, reduction: str = "mean") -> Any:
    yes = clamp(tape, UNARY["log"](tape, x), min=-100.0)  # torch's own bound
    no = clamp(tape, UNARY["log1p"](tape, UNARY["neg"](tape, x)), min=-100.0)
    likelihood = add(tape, multiply(tape, target, yes), multiply(tape, subtract(tape, 1, target), no))
    return _weighted(tape, UNARY["neg"](tape, likelihood), weight, reduction)


def binary_cross_entropy_with_logits(
    tape: Tape, x: Any, target: Any, weight: Any = None, *, reduction: str = "mean", pos_weight: Any = None
) -> Any:
    positive = multiply(tape, target, softplus(tape, UNARY["neg"](tape, x)))
    negative = multiply(tape, subtract(tape, 1, target), softplus(tape, x))
    losses = add(tape, positive if pos_weight is None else multiply(tape, positive, pos_weight), negative)
    return _weighted(tape, losses, weight, reduction)


def kl_div(tape: Tape, x: Any, target: Any, *, reduction: str = "mean", log_target: bool = False) -> Any:
    """Of log-probabilities x; target holds probabilities, or their logarithms where log_target says it."""
    if log_target:
        losses = multiply(tape, UNARY["exp"](tape, target), subtract(tape, target, x))
    else:
        losses = subtract(tape, xlogy(tape, target, target), multiply(tape, target, x))
    if reduction == "batchmean":
        return divide(tape, total(tape, losses), tensor(x).shape[0] if tensor(x).data.ndim else 1)
    return _reduced(tape, losses, reduction)


def margin_ranking_loss(
    tape: Tape, input1: Any, input2: Any, target: Any, *, margin: float = 0, reduction: str = "mean"
) -> Any:
    gap = multiply(tape, UNARY["neg"](tape, target), subtract(tape, input1, input2))
    return _reduced(tape, clamp(tape, add(tape, gap, margin), min=0.0), reduction)


def nll_loss(tape: Tape, x: Any, target: Tensor, *, ignore_index: int = -100, reduction: str = "mean") -> Any:
    """[C] and a class, or [N, C] and [N] classes."""
    source = floating(x)
    if source.data.ndim not in {1, 2} or target.data.ndim != source.data.ndim - 1:
        raise ValueError("expected log-probabilities [C] or [N, C] and one class for each")
    counted = Tensor(target.data != ignore_index)
    classes = Tensor(np.where(counted.data, target.data, 0))
    chosen = squeeze(tape, gather(tape, source, -1, unsqueeze(tape, classes, -1)), -1)
    losses = where(tape, counted, UNARY["neg"](tape, chosen), 0.0)
    if reduction == "mean":
        return divide(tape, total(tape, losses), total(tape, cast(tape, counted, Dtype("f"))))
    return _reduced(tape, losses, reduction)


def cross_entropy(tape: Tape, x: Any, target: Tensor, *, ignore_index: int = -100, reduction: str = "mean") -> Any:
    return nll_loss(tape, log_softmax(tape, x, -1), target, ignore_index=ignore_index, reduction=reduction)


FUNCTIONAL: Mapping[str, Operation] = {
    "softmax": softmax,
    "log_softmax": log_softmax,
    "softmin": softmin,
    "softplus": softplus,
    "gelu": gelu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "hardtanh": hardtanh,
    "relu6": relu6,
    "hardsigmoid": hardsigmoid,
    "mish": mish,
    "threshold": threshold,
    "entr": entr,
    "normalize": normalize,
    "cosine_similarity": cosine_similarity,
    "mse_loss": mse_loss,
    "l1_loss": l1_loss,
    "huber_loss": huber_loss,
    "smooth_l1_loss": smooth_l1_loss,
    "binary_cross_entropy": binary_cross_entropy,
    "binary_cross_entropy_with_logits": binary_cross_entropy_with_logits,
    "kl_div": kl_div,
    "margin_ranking_loss": margin_ranking_loss,
    "nll_loss": nll_loss,
    "cross_entropy": cross_entropy,
}
