"""From a list of data to flat arrays, with every mistake of the user named.

Checks of values run on the flat arrays, once a batch; only when one fails is the guilty datum looked for.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from mock_server.toy_model.base_tables import BaseTables
from mock_server.toy_model.context import BEFORE_THE_BEGINNING, CONTEXT
from mock_server.toy_model.errors import InvalidInput
from mock_server.toy_model.losses import LOSSES, Loss
from mock_server.toy_model.network import Targets
from mock_server.toy_model.values import STAND_INS_FROM, Array, Datum, Int64s

_PADDING = np.full(CONTEXT - 1, BEFORE_THE_BEGINNING)


def loss_named(name: str) -> Loss:
    if name not in LOSSES:
        raise InvalidInput(f"loss_fn {name!r} is unknown: use one of {', '.join(LOSSES)}")
    return LOSSES[name]


def settings_of(loss: Loss, config: Mapping[str, float | str]) -> dict[str, float]:
    """The loss's settings: its defaults, overridden by loss_fn_config."""
    settings = dict(loss.settings)
    for key, value in config.items():
        if key not in loss.settings:
            known = f"use {', '.join(loss.settings)}" if loss.settings else "it takes none, leave loss_fn_config out"
            raise InvalidInput(f"loss_fn_config.{key} is not a setting of {loss.name}: {known}")
        try:
            settings[key] = float(value)
        except ValueError:
            raise InvalidInput(f"loss_fn_config.{key} is {value!r}: give a number") from None
        if not isfinite(settings[key]):
            raise InvalidInput(f"loss_fn_config.{key} is {value}: give a finite number")
    return settings


@dataclass(frozen=True)
class Batch:
    """All data of one forward_backward, flattened.

    padded: int64, the contexts of all data, each after CONTEXT - 1 marks of the beginning.
    ends: intp [positions], where in `padded` each context ends.
    ids: int64 [targets].  positions: intp [targets], ascending, or None where target j is of position j.
    starts: int64 [data], each datum's first target.  shapes: each datum's shape of target_tokens.
    inputs: by name, [targets].
    """

    padded: Int64s
    ends: Array
    ids: Int64s
    positions: Array | None
    starts: Int64s
    shapes: list[tuple[int, ...]]
    inputs: Mapping[str, Array]

    def targets(self, chunk: "Chunk", tables: BaseTables) -> Targets:
        ids = self.ids[chunk.targets]
        if self.positions is None:
            return Targets.one_each(ids, tables.width)
        return Targets.several(ids, self.positions[chunk.targets] - chunk.positions.start, tables.width, tables.classes)


@dataclass(frozen=True)
class Chunk:
    """A run of positions that is computed at once, and their targets."""

    positions: slice
    targets: slice


def chunks_of(batch: Batch, size: int) -> Iterator[Chunk]:
    """Cut a batch in runs of at most `size` targets (a single position may have more), in order."""
    if batch.positions is None:
        for start in range(0, len(batch.ends), size):
            run = slice(start, min(start + size, len(batch.ends)))
            yield Chunk(run, run)
        return
    end_of_position = np.searchsorted(batch.positions, np.arange(len(batch.ends)), side="right")
    position, target = 0, 0
    while target < len(batch.ids):
        stop = max(int(np.searchsorted(end_of_position, target + size, side="right")), position + 1)
        stop_target = int(end_of_position[stop - 1])
        if stop_target > target:
            yield Chunk(slice(position, stop), slice(target, stop_target))
        position, target = stop, stop_target


def flatten(
    data: Sequence[Datum], loss: Loss, settings: Mapping[str, float], vocab_size: int, dtype: np.dtype[np.floating]
) -> Batch:
    """Check the data against the loss's inputs and flatten them. Raises InvalidInput."""
    contexts: list[Array] = []
    ids: list[Array] = []
    shapes: list[tuple[int, ...]] = []
    known = {"target_tokens", *loss.required, *loss.optional}
    for i, datum in enumerate(data):
        if not datum.inputs.keys() <= known:
            name = next(iter(datum.inputs.keys() - known))
            raise InvalidInput(
                f"loss_fn_inputs.{name} of datum {i} is not an input of {loss.name}: "
                f"leave it out, give {', '.join(sorted(known))}"
            )
        _check_context(i, datum.tokens, vocab_size)
        targets = _target_tokens(i, datum, loss)
        contexts += (_PADDING, datum.tokens)
        ids.append(targets.reshape(-1))
        shapes.append(targets.shape)

    lengths = np.array([shape[0] for shape in shapes], np.int64)
    widths = np.array([shape[1] if len(shape) == 2 else 1 for shape in shapes], np.int64)
    counts = lengths * widths
    starts = np.cumsum(counts) - counts
    total = int(lengths.sum())
    datum_of_position = np.repeat(np.arange(len(data)), lengths)
    ends = np.arange(total) + (datum_of_position + 1) * (CONTEXT - 1)
    one_each = bool((widths == 1).all())

    batch = Batch(
        padded=np.concatenate(contexts, dtype=np.int64, casting="unsafe") if contexts else np.empty(0, np.int64),
        ends=ends,
        ids=np.concatenate(ids, dtype=np.int64, casting="unsafe") if ids else np.empty(0, np.int64),
        positions=None if one_each else np.repeat(np.arange(total), np.repeat(widths, lengths)),
        starts=starts,
        shapes=shapes,
        inputs={name: _gather(name, data, shapes, loss, settings, dtype) for name in (*loss.required, *loss.optional)},
    )
    _check_values(batch, vocab_size)
    return batch


def _check_context(i: int, tokens: Array, vocab_size: int) -> None:
    if len(tokens) and tokens.max() >= vocab_size:
        outside = tokens[(tokens >= vocab_size) & (tokens < STAND_INS_FROM)]
        if len(outside):
            raise InvalidInput(
                f"model_input of datum {i} has the id {outside[0]}, outside the model's vocabulary: "
                f"give ids from 0 to {vocab_size - 1}"
            )


def _target_tokens(i: int, datum: Datum, loss: Loss) -> Array:
    targets = datum.inputs.get("target_tokens")
    if targets is None:
        raise InvalidInput(
            f"loss_fn_inputs.target_tokens of datum {i} is missing: give one target per position of model_input"
        )
    if targets.ndim != 1 and not (targets.ndim == 2 and loss.many_targets):
        allowed = "[N] or [N, K]" if loss.many_targets else "[N]"
        raise InvalidInput(
            f"loss_fn_inputs.target_tokens of datum {i} has shape {list(targets.shape)}: {loss.name} takes {allowed}"
        )
    if targets.dtype.kind not in "iu":
        raise InvalidInput(
            f"loss_fn_inputs.target_tokens of datum {i} holds {targets.dtype} values: give token ids as int64"
        )
    if len(targets) != len(datum.tokens):
        raise InvalidInput(
            f"loss_fn_inputs.target_tokens of datum {i} has {len(targets)} rows for {len(datum.tokens)} input tokens: "
            "give one target per position of model_input"
        )
    return targets


def _gather(
    name: str,
    data: Sequence[Datum],
    shapes: list[tuple[int, ...]],
    loss: Loss,
    settings: Mapping[str, float],
    dtype: np.dtype[np.floating],
) -> Array:
    parts: list[Array] = []
    for i, (datum, shape) in enumerate(zip(data, shapes, strict=True)):
        value = datum.inputs.get(name)
        if value is None:
            if name in loss.required:
                raise InvalidInput(
                    f"loss_fn_inputs.{name} of datum {i} is missing: {loss.name} needs one number per target token"
                )
            default = loss.optional[name]
            parts.append(np.full(int(np.prod(shape)), settings[default] if isinstance(default, str) else default))
            continue
        if value.shape != shape:
            many = f"has {value.size} values" if value.size != np.prod(shape) else f"has shape {list(value.shape)}"
            wanted = (
                f"{int(np.prod(shape))} target tokens" if len(shape) == 1 else f"target tokens of shape {list(shape)}"
            )
            noun = name.removesuffix("s")
            raise InvalidInput(
                f"loss_fn_inputs.{name} of datum {i} {many} for {wanted}: give one {noun} per target token"
            )
        if value.dtype.kind not in "fiub":
            raise InvalidInput(f"loss_fn_inputs.{name} of datum {i} holds {value.dtype} values: give numbers")
        parts.append(value.reshape(-1))
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes inf, which the check of values names
        return np.concatenate(parts, dtype=dtype, casting="unsafe") if parts else np.empty(0, dtype)


def _check_values(batch: Batch, vocab_size: int) -> None:
    if len(batch.ids) == 0:
        return
    if batch.ids.min() < 0 or batch.ids.max() >= vocab_size:
        wrong = int(np.flatnonzero((batch.ids < 0) | (batch.ids >= vocab_size))[0])
        raise InvalidInput(
            f"loss_fn_inputs.target_tokens of datum {_datum_at(batch, wrong)} has the id {batch.ids[wrong]}, outside "
            f"the model's vocabulary: give ids from 0 to {vocab_size - 1}"
        )
    for name, values in batch.inputs.items():
        if not np.isfinite(values).all():
            wrong = int(np.flatnonzero(~np.isfinite(values))[0])
            raise InvalidInput(
                f"loss_fn_inputs.{name} of datum {_datum_at(batch, wrong)} has the value {values[wrong]} at target "
                f"{wrong - batch.starts[_datum_at(batch, wrong)]}: give finite float32 numbers"
            )


def _datum_at(batch: Batch, target: int) -> int:
    return int(np.searchsorted(batch.starts, target, side="right")) - 1
