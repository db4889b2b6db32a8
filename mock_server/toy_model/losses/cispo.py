"""cispo: the clipped ratio is a constant weight of the log-probability.

Source: tinker-docs, losses/cispo; MiniMax-M1 2025.

    weight = clip(exp(logprobs - q), clip_low_threshold, clip_high_threshold), no gradient through it
    loss = sum(-weight * logprobs * advantages)

Inputs [N]: target_tokens; logprobs, log q of the targets when they were sampled; advantages.
Settings: clip_low_threshold 0.8, clip_high_threshold 1.2.
"""

from collections.abc import Mapping

from mock_server.toy_model.losses import clipping
from mock_server.toy_model.losses.loss import Loss, Terms, ratio_of
from mock_server.toy_model.values import Array, Int64s


def cispo(logprobs: Array, inputs: Mapping[str, Array], _settings: Mapping[str, float], _starts: Int64s) -> Terms:
    ratio = ratio_of(logprobs - inputs["logprobs"])
    weight = clipping.clipped(ratio, inputs)
    slope = -weight * inputs["advantages"]
    return Terms(losses=slope * logprobs, slope=slope, metrics={"clipped_tokens": weight != ratio})


LOSS = Loss("cispo", cispo, required=("logprobs", "advantages"), optional=clipping.OPTIONAL, settings=clipping.SETTINGS)
