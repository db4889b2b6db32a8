"""ppo: importance sampling with a clipped ratio, token by token. Source: tinker-docs, losses/ppo; Schulman et al. 2017.

    ratio = exp(logprobs - q)
    loss = sum(-min(ratio * advantages, clip(ratio, clip_low_threshold, clip_high_threshold) * advantages))

Inputs [N]: target_tokens; logprobs, log q of the targets when they were sampled; advantages.
Settings: clip_low_threshold 0.8, clip_high_threshold 1.2.
"""

from collections.abc import Mapping

from mock_server.toy_model.losses import clipping
from mock_server.toy_model.losses.loss import Loss, Terms, ratio_of
from mock_server.toy_model.values import Array, Int64s


def ppo(logprobs: Array, inputs: Mapping[str, Array], _settings: Mapping[str, float], _starts: Int64s) -> Terms:
    return clipping.pessimistic(ratio_of(logprobs - inputs["logprobs"]), inputs)


LOSS = Loss("ppo", ppo, required=("logprobs", "advantages"), optional=clipping.OPTIONAL, settings=clipping.SETTINGS)
