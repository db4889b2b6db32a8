"""What a loss function is to the rest of the model: its inputs, its settings, and one formula over flat tokens."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from mock_server.toy_model.values import Array, Int64s


@dataclass(frozen=True)
class Terms:
    """losses: [i], each target's share of the sum.  slope: [i], d loss / d logprobs.
    metrics: name -> [i], whose sum is reported as "name:sum".
    totals: metrics that are no sums over targets, by their full names; added to those of other parts of the batch.
    """

    losses: Array
    slope: Array
    metrics: Mapping[str, Array] = field(default_factory=dict)
    totals: Mapping[str, float] = field(default_factory=dict)


Formula = Callable[[Array, Mapping[str, Array], Mapping[str, float], Int64s], Terms]
"""logprobs [i] under the model in training, inputs by name [i], settings, and the starts of the data [d] -> Terms."""


@dataclass(frozen=True)
class Loss:
    """One loss function of the official API.

    required: loss_fn_inputs that every datum must have beside target_tokens; each has one number per target token.
    optional: further inputs and the value that stands for an absent one: a number, or the name of a setting.
    settings: keys of loss_fn_config with their defaults.
    many_targets: whether target_tokens may be [n, K].
    whole_data: whether a token's slope depends on other tokens of its datum, so that a datum can't be cut in chunks.
    """

    name: str
    formula: Formula
    required: tuple[str, ...] = ()
    optional: Mapping[str, float | str] = field(default_factory=dict)
    settings: Mapping[str, float] = field(default_factory=dict)
    many_targets: bool = False
    whole_data: bool = False


_MAX_LOG_RATIO = 30.0  # e^30 = 1e13: beyond it a ratio says "off the map", and float32 must not overflow


def ratio_of(log_ratio: Array) -> Array:
    """exp(log p - log q), kept finite."""
    clipped: Array = np.exp(np.clip(log_ratio, -_MAX_LOG_RATIO, _MAX_LOG_RATIO))
    return clipped
