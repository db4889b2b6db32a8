"""gspo: PPO with one ratio a sequence, the token-level variant. Source: tinker-docs, losses/gspo; Zheng et al. 2025.

    s = exp(mean over the tokens with sequence_ratio_mask != 0 of (logprobs - q))
    ratio_t = s, with the gradient of its own log-probability: d ratio_t / d logprobs_t = s
    loss = sum(-min(ratio_t * A_t, clip(ratio_t, clip_low_threshold, clip_high_threshold) * A_t))

Inputs [N]: target_tokens; logprobs, log q of the targets when they were sampled; advantages; sequence_ratio_mask.
Settings: clip_low_threshold 0.8, clip_high_threshold 1.2 (the official defaults are not published; these are ppo's).
A sequence is a datum. One whose mask marks no token has the ratio 1.
"""

from collections.abc import Mapping

import numpy as np

from mock_server.toy_model.losses import clipping
from mock_server.toy_model.losses.loss import Loss, Terms, ratio_of
from mock_server.toy_model.values import Array, Int64s


def gspo(logprobs: Array, inputs: Mapping[str, Array], _settings: Mapping[str, float], starts: Int64s) -> Terms:
    marked = inputs["sequence_ratio_mask"] != 0
    datum = np.searchsorted(starts, np.arange(len(logprobs)), side="right") - 1  # right: empty data own no token
    drift = np.bincount(datum[marked], (logprobs - inputs["logprobs"])[marked], len(starts))
    count = np.bincount(datum[marked], minlength=len(starts))
    sequence_ratio = ratio_of(drift / np.maximum(count, 1)).astype(logprobs.dtype)
    return clipping.pessimistic(sequence_ratio[datum], inputs)


LOSS = Loss(
    "gspo",
    gspo,
    required=("logprobs", "advantages", "sequence_ratio_mask"),
    optional=clipping.OPTIONAL,
    settings=clipping.SETTINGS,
    whole_data=True,
)
