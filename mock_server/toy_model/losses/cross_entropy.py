"""cross_entropy: weighted negative log-likelihood. Source: tinker-docs, losses/cross-entropy.

    loss = sum(-logprobs * weights)

Inputs: target_tokens [N] or [N, K]; weights, same shape, any sign (absent: 1 each, as in the SDK's own example).
It is exactly linear in signed weights, which is what makes the SDK's forward_backward_custom exact.
"""

from collections.abc import Mapping

from mock_server.toy_model.losses.loss import Loss, Terms
from mock_server.toy_model.values import Array, Int64s


def cross_entropy(
    logprobs: Array, inputs: Mapping[str, Array], _settings: Mapping[str, float], _starts: Int64s
) -> Terms:
    weights = inputs["weights"]
    return Terms(losses=-logprobs * weights, slope=-weights)


LOSS = Loss("cross_entropy", cross_entropy, optional={"weights": 1.0}, many_targets=True)
