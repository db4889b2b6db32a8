"""The clipped objective that ppo and gspo share, and how its thresholds are given.

The thresholds bound the ratio itself (0.8 and 1.2 by default, an epsilon of 0.2), not its distance from 1. They are
keys of loss_fn_config; the SDK also knows them as per-token loss_fn_inputs, which then win.
"""

from collections.abc import Mapping

import numpy as np

from mock_server.toy_model.losses.loss import Terms
from mock_server.toy_model.values import Array

SETTINGS = {"clip_low_threshold": 0.8, "clip_high_threshold": 1.2}
OPTIONAL: Mapping[str, str] = {name: name for name in SETTINGS}


def clipped(ratio: Array, inputs: Mapping[str, Array]) -> Array:
    """[i] -> [i], the ratio within its thresholds."""
    bounded: Array = np.minimum(np.maximum(ratio, inputs["clip_low_threshold"]), inputs["clip_high_threshold"])
    return bounded


def pessimistic(ratio: Array, inputs: Mapping[str, Array]) -> Terms:
    """-min(ratio * A, clip(ratio) * A) per token; the ratio's derivative by its logprob is the ratio itself."""
    advantages = inputs["advantages"]
    free, bounded = ratio * advantages, clipped(ratio, inputs) * advantages
    cut = bounded < free  # only here the minimum is the constant, whose slope is 0
    losses = np.where(cut, -bounded, -free)
    return Terms(losses=losses, slope=np.where(cut, losses.dtype.type(0), -free), metrics={"clipped_tokens": cut})
