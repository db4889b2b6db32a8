"""The optimizers a run can have: rules from (parameters, gradient) to new parameters, with their moments.

New parameters are a new array: samplers and saved snapshots keep the old one, so nothing leaks into them and nothing
needs copying when they are taken.
"""

from dataclasses import fields
from math import isfinite, sqrt
from typing import Protocol

import numpy as np

from mock_server.toy_model.adapter import AdapterShape
from mock_server.toy_model.errors import InvalidInput
from mock_server.toy_model.values import AdamParams, Array, DimuonParams

_LARGEST_WEIGHT = 1e6  # an absurd learning rate must give a bad model, not infinities and a run beyond repair


class Optimizer(Protocol):
    """moments: the arrays that a checkpoint with optimizer state must hold, by name, each [size]."""

    moments: dict[str, Array]

    def check(self, params: AdamParams | DimuonParams) -> None:
        """Raises InvalidInput where these are not parameters for a step of this optimizer."""
        ...

    def step(self, parameters: Array, gradient: Array, params: AdamParams | DimuonParams, count: int, /) -> Array:
        """The new parameters. count is the number of this step, from 1. Consumes the gradient."""
        ...


class AdamW:
    """Adam with bias correction and decoupled weight decay (Loshchilov and Hutter 2019)."""

    def __init__(self, shape: AdapterShape, dtype: np.dtype[np.floating]) -> None:
        self.moments = {"first_moment": np.zeros(shape.size, dtype), "second_moment": np.zeros(shape.size, dtype)}

    def check(self, params: AdamParams | DimuonParams) -> None:
        if not isinstance(params, AdamParams):
            raise InvalidInput("optim_step got dimuon parameters for a run created with adamw: give adam_params")
        _check_values(params)

    def step(self, parameters: Array, gradient: Array, params: AdamParams | DimuonParams, count: int) -> Array:
        assert isinstance(params, AdamParams)
        _clip(gradient, params.grad_clip_norm)
        first, second = self.moments["first_moment"], self.moments["second_moment"]
        first *= params.beta1
        first += (1 - params.beta1) * gradient
        second *= params.beta2
        gradient *= gradient
        gradient *= 1 - params.beta2
        second += gradient
        update = np.sqrt(second, out=gradient)
        update *= 1 / sqrt(1 - params.beta2**count)
        update += params.eps or np.finfo(np.float32).tiny  # eps 0 is allowed; 0 / 0 is not
        np.divide(first, update, out=update)
        update *= params.learning_rate / (1 - params.beta1**count)
        if params.weight_decay:
            update += (params.learning_rate * params.weight_decay) * parameters
        return _moved(parameters, update)


class Dimuon:
    """Momentum whose update is orthogonalised, matrix by matrix (Muon, Jordan 2024).

    The official rule is not published; this is Muon with an EMA momentum, five Newton-Schulz steps, and updates scaled
    to the size of Adam's (0.2 * sqrt of the larger side, Liu et al. 2025) so that the same learning rates make sense.
    """

    def __init__(self, shape: AdapterShape, dtype: np.dtype[np.floating]) -> None:
        self._shape = shape
        self.moments = {"momentum": np.zeros(shape.size, dtype)}

    def check(self, params: AdamParams | DimuonParams) -> None:
        if not isinstance(params, DimuonParams):
            raise InvalidInput("optim_step got adam_params for a run created with dimuon: give dimuon parameters")
        _check_values(params)

    def step(self, parameters: Array, gradient: Array, params: AdamParams | DimuonParams, _count: int) -> Array:
        assert isinstance(params, DimuonParams)
        _clip(gradient, params.grad_clip_norm)
        momentum = self.moments["momentum"]
        momentum *= params.beta1
        momentum += (1 - params.beta1) * gradient
        update = np.empty_like(momentum)
        moving, target = self._shape.matrices(momentum), self._shape.matrices(update)
        for into, matrix in zip(target, moving, strict=True):
            into[...] = _orthogonal(matrix) * (params.learning_rate * 0.2 * sqrt(max(matrix.shape)))
        return _moved(parameters, update)


OPTIMIZERS: dict[str, type[AdamW | Dimuon]] = {"adamw": AdamW, "dimuon": Dimuon}


def norm_of(vector: Array) -> float:
    """The Euclidean norm, computed in a way that does not overflow float32."""
    largest = float(np.abs(vector).max(initial=0.0))
    if largest == 0.0 or not isfinite(largest):
        return largest
    if 1e-15 < largest < 1e15:
        return sqrt(float(vector @ vector))
    scaled = vector / largest
    return largest * sqrt(float(scaled @ scaled))


def _check_values(params: AdamParams | DimuonParams) -> None:
    for parameter in fields(params):
        value = getattr(params, parameter.name)
        if not isfinite(value):
            raise InvalidInput(f"optim_step's {parameter.name} is {value}: give a finite number")
        if value < 0 and parameter.name != "grad_clip_norm":
            raise InvalidInput(f"optim_step's {parameter.name} is {value}: give a number of at least 0")
        if value >= 1 and parameter.name.startswith("beta"):
            raise InvalidInput(f"optim_step's {parameter.name} is {value}: give a number below 1")


def _clip(gradient: Array, limit: float) -> None:
    norm = norm_of(gradient) if limit > 0 else 0.0
    if norm > limit > 0:
        gradient *= limit / norm


def _moved(parameters: Array, update: Array) -> Array:
    moved = np.subtract(parameters, update, out=update)
    np.clip(moved, -_LARGEST_WEIGHT, _LARGEST_WEIGHT, out=moved)
    moved.flags.writeable = False
    return moved


def _orthogonal(matrix: Array) -> Array:
    """The nearest matrix with singular values about 1 (0 stays 0), by the quintic Newton-Schulz iteration of Muon."""
    norm = norm_of(matrix.reshape(-1))
    if norm == 0.0:
        return matrix
    wide: Array = (matrix.T if matrix.shape[0] > matrix.shape[1] else matrix) / matrix.dtype.type(norm)
    for _ in range(5):
        gram = wide @ wide.T
        wide = 3.4445 * wide + (2.0315 * (gram @ gram) - 4.7750 * gram) @ wide
    return wide.T if matrix.shape[0] > matrix.shape[1] else wide
