"""importance_sampling: REINFORCE corrected for the sampler's distribution q. Source: tinker-docs, losses.

    ratio = exp(logprobs - q);  loss = sum(-ratio * advantages)

Inputs [N]: target_tokens; logprobs, log q of the targets when they were sampled; advantages.
The derivative of the ratio is the ratio, so the slope equals the loss.
"""

from collections.abc import Mapping

from mock_server.toy_model.losses.loss import Loss, Terms, ratio_of
from mock_server.toy_model.values import Array, Int64s


def importance_sampling(
    logprobs: Array, inputs: Mapping[str, Array], _settings: Mapping[str, float], _starts: Int64s
) -> Terms:
    losses = -ratio_of(logprobs - inputs["logprobs"]) * inputs["advantages"]
    return Terms(losses=losses, slope=losses)


LOSS = Loss("importance_sampling", importance_sampling, required=("logprobs", "advantages"))
