"""A training run between operations: weights, optimizer moments, accumulated gradients, and a step count."""

from collections.abc import Mapping, Sequence

import numpy as np

from mock_server.toy_model.adapter import AdapterShape, fresh_adapter, trained_features
from mock_server.toy_model.base_tables import base_tables
from mock_server.toy_model.batch import Batch, Chunk, chunks_of, flatten, loss_named, settings_of
from mock_server.toy_model.context import contexts, windows
from mock_server.toy_model.errors import InvalidInput
from mock_server.toy_model.losses import Loss, Terms
from mock_server.toy_model.network import Network, Pass
from mock_server.toy_model.optimizers import OPTIMIZERS, Optimizer, norm_of
from mock_server.toy_model.values import (
    AdamParams,
    Array,
    BaseModel,
    Datum,
    DimuonParams,
    ForwardBackwardResult,
    LoraConfig,
)
from mock_server.toy_model.weights import Weights

CHUNK = (
    256  # targets computed at once. Bigger arrays make the allocator return memory after each use and fault it in again
)


class TrainingState:
    """Everything a training run is, between operations. Operations are pure functions of it and their input."""

    def __init__(
        self, base: BaseModel, lora: LoraConfig, parameters: Array, optimizer_name: str, optimizer: Optimizer
    ) -> None:
        self.base, self.lora = base, lora
        self.optimizer_name, self.optimizer = optimizer_name, optimizer
        self.optimizer_steps = 0
        self.gradient: Array | None = None
        self.shape = AdapterShape.of(base, lora)
        self.parameters = parameters
        self._frozen_features = ~trained_features(lora)

    @classmethod
    def fresh(cls, base: BaseModel, lora: LoraConfig, optimizer: str = "adamw") -> "TrainingState":
        """A run that has not been trained: exactly the base model. Raises InvalidInput."""
        shape = AdapterShape.of(base, lora)
        return cls(base, lora, _read_only(fresh_adapter(shape, lora)), optimizer, new_optimizer(optimizer, shape))

    def forward_backward(
        self,
        data: Sequence[Datum],
        loss_fn: str | Loss,
        config: Mapping[str, float | str] | None = None,
        *,
        forward_only: bool = False,
    ) -> ForwardBackwardResult:
        """Compute the loss of some data and, unless forward_only, add its gradient to what has accumulated.

        Raises InvalidInput, which leaves the state as it was. Metrics: "loss:sum", "tokens:sum" (target tokens), and
        of some losses "clipped_tokens:sum", "drift_penalty:sum" or "kl_penalty:sum" (see each loss). loss_fn: the
        official API's name of a loss, or one that was made for these data (see custom_loss).
        """
        loss = loss_named(loss_fn) if isinstance(loss_fn, str) else loss_fn
        settings = settings_of(loss, config or {})
        batch = flatten(data, loss, settings, self.base.vocab_size, self.parameters.dtype)
        computation = _Computation(self, batch, loss, settings)
        with np.errstate(over="ignore", invalid="ignore"):  # infinities are found below, and named
            result = computation.run(forward_only=forward_only)
        if not forward_only and len(batch.ids):
            gradient = computation.gradient
            if self.gradient is not None:
                gradient += self.gradient
            if not np.isfinite(norm_of(gradient)):
                raise InvalidInput(
                    f"the gradient of this {loss.name} batch does not fit in float32: "
                    "scale its weights or advantages down"
                )
            self.gradient = gradient
        return result

    def optim_step(self, params: AdamParams | DimuonParams) -> dict[str, float]:
        """Apply and clear the accumulated gradient. Without one nothing changes but the count. Raises InvalidInput.

        Metrics: "grad_norm", before clipping, and "update_norm", the length of the way the weights went.
        """
        self.optimizer.check(params)
        self.optimizer_steps += 1
        gradient, self.gradient = self.gradient, None
        if gradient is None:
            return {"grad_norm": 0.0, "update_norm": 0.0}
        norm, before = norm_of(gradient), self.parameters
        self.parameters = self.optimizer.step(before, gradient, params, self.optimizer_steps)
        return {"grad_norm": norm, "update_norm": norm_of(self.parameters - before)}

    def copy(self) -> "TrainingState":
        """The same state, which goes its own way from here."""
        copy = TrainingState(self.base, self.lora, self.parameters, self.optimizer_name, self._new_optimizer())
        copy.optimizer.moments.update({name: moment.copy() for name, moment in self.optimizer.moments.items()})
        copy.optimizer_steps = self.optimizer_steps
        copy.gradient = None if self.gradient is None else self.gradient.copy()
        return copy

    def forget_moments(self) -> None:
        """Go on under a new optimizer of the same kind, with no moments and count 0."""
        self.optimizer, self.optimizer_steps = self._new_optimizer(), 0

    def weights(self) -> Weights:
        """A snapshot of the model as it is now. Costs nothing: a step makes new arrays."""
        return Weights(self.base, self.lora.rank, self.parameters)

    def dump(self, *, gradients: bool, optimizer: bool = True) -> bytes:
        """The state as a safetensors file, bit by bit.

        gradients: also what accumulated since the last step.  optimizer: also its moments, which no sampler needs.
        """
        from mock_server.toy_model.checkpoint import write  # noqa: PLC0415 - safetensors is not imported at start-up

        return write(self, gradients=gradients, optimizer=optimizer)

    @classmethod
    def load(cls, data: bytes, *, optimizer: bool = True, fresh: str | None = None) -> "TrainingState":
        """What `dump` wrote. optimizer=False takes the weights only: the optimizer named `fresh`, or else one of the
        same kind, with no moments and count 0. Raises DamagedState.
        """
        from mock_server.toy_model.checkpoint import read  # noqa: PLC0415 - safetensors is not imported at start-up

        return read(data, optimizer=optimizer, fresh=fresh)

    @property
    def has_gradients(self) -> bool:
        return self.gradient is not None

    @property
    def nbytes(self) -> int:
        """Bytes that this run holds by itself (the base model's tables are shared)."""
        arrays = [self.parameters, *self.optimizer.moments.values()]
        return sum(a.nbytes for a in arrays) + (0 if self.gradient is None else self.gradient.nbytes)

    def _new_optimizer(self) -> Optimizer:
        return new_optimizer(self.optimizer_name, self.shape, self.parameters.dtype)

    def freeze(self, gradient: Array) -> None:
        """Zero the gradient of the features that this run's LoraConfig switches off."""
        if self._frozen_features.any():
            matrices = self.shape.matrices(gradient)
            matrices.class_a[self._frozen_features] = 0
            matrices.token_a[self._frozen_features] = 0


def new_optimizer(name: str, shape: AdapterShape, dtype: np.dtype[np.floating] | None = None) -> Optimizer:
    if name not in OPTIMIZERS:
        raise InvalidInput(f"optimizer_config.type {name!r} is unknown: use one of {', '.join(OPTIMIZERS)}")
    return OPTIMIZERS[name](shape, dtype or np.dtype(np.float32))


class _Computation:
    """One forward_backward: chunk after chunk, in order, so that its sums do not depend on anything else."""

    def __init__(self, state: TrainingState, batch: Batch, loss: Loss, settings: Mapping[str, float]) -> None:
        self._state, self._batch, self._loss, self._settings = state, batch, loss, settings
        self._network = Network(base_tables(state.base), state.shape, state.shape.matrices(state.parameters))
        self.gradient = np.zeros(0, state.parameters.dtype)

    def run(self, *, forward_only: bool) -> ForwardBackwardResult:
        batch, dtype = self._batch, self._state.parameters.dtype
        if not forward_only:
            self.gradient = np.zeros(self._state.shape.size, dtype)
        into = None if forward_only else self._state.shape.matrices(self.gradient)
        chunks = list(chunks_of(batch, CHUNK))
        logprobs = np.empty(len(batch.ids), dtype)
        if self._loss.whole_data and len(chunks) > 1:
            # A token's slope needs its whole sequence: forward everything first, then again chunk by chunk with slopes.
            for chunk in chunks:
                logprobs[chunk.targets] = self._forward(chunk).logprobs
            terms = self._terms(logprobs, slice(None))
            if into is not None:
                for chunk in chunks:
                    self._forward(chunk).backward(terms.slope[chunk.targets], into)
            parts = [terms]
        else:
            parts = []
            for chunk in chunks:
                forward = self._forward(chunk)
                logprobs[chunk.targets] = forward.logprobs
                parts.append(self._terms(forward.logprobs, chunk.targets))
                if into is not None:
                    forward.backward(parts[-1].slope, into)
        if into is not None:
            self._state.freeze(self.gradient)
        return ForwardBackwardResult(_split(logprobs, batch), self._metrics(parts))

    def _forward(self, chunk: Chunk) -> Pass:
        window = windows(self._batch.padded, self._batch.ends[chunk.positions])
        targets = self._batch.targets(chunk, self._network.tables)
        return self._network.forward(contexts(window, self._state.parameters.dtype), targets)

    def _terms(self, logprobs: Array, part: slice) -> Terms:
        inputs = {name: values[part] for name, values in self._batch.inputs.items()}
        return self._loss.formula(logprobs, inputs, self._settings, self._batch.starts)

    def _metrics(self, parts: Sequence[Terms]) -> dict[str, float]:
        totals = {"loss:sum": 0.0, "tokens:sum": float(len(self._batch.ids))}
        for terms in parts:
            totals["loss:sum"] += float(terms.losses.sum(dtype=np.float64))
            for name, values in terms.metrics.items():
                totals[f"{name}:sum"] = totals.get(f"{name}:sum", 0.0) + float(values.sum(dtype=np.float64))
            for name, value in terms.totals.items():
                totals[name] = totals.get(name, 0.0) + value
        for name, value in totals.items():
            if not np.isfinite(value):
                raise InvalidInput(
                    f"the {name} of this {self._loss.name} batch does not fit in float32: "
                    "scale its weights, advantages or logprobs down"
                )
        return totals


def _split(logprobs: Array, batch: Batch) -> list[dict[str, Array]]:
    flat = logprobs.astype(np.float32, copy=False)
    return [
        {"logprobs": flat[start : start + int(np.prod(shape))].reshape(shape)}
        for start, shape in zip(batch.starts.tolist(), batch.shapes, strict=True)
    ]


def _read_only(array: Array) -> Array:
    array.flags.writeable = False
    return array
