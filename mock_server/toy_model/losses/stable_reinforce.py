"""stable_reinforce: REINFORCE that bears samples of an older policy.

The official loss is in alpha and its formula is not published; what is known is its inputs, its one setting kl_coeff
and its purpose. This is a formula of our own with those, chosen to do what the name promises:

    weight = min(exp(logprobs - q), 1), no gradient through it: a stale sample counts less, never more
    loss = sum(-weight * logprobs * advantages + kl_coeff / 2 * (logprobs - q)^2 on sampled tokens)

Inputs [N]: target_tokens; logprobs, log q of the targets when they were sampled; advantages.
Settings: kl_coeff 0.01. Padding (prompt positions) has logprobs 0, which a sampled token has only when it was certain,
so the pull towards the sampler leaves those out.
"""

from collections.abc import Mapping

import numpy as np

from mock_server.toy_model.losses.loss import Loss, Terms, ratio_of
from mock_server.toy_model.values import Array, Int64s


def stable_reinforce(
    logprobs: Array, inputs: Mapping[str, Array], settings: Mapping[str, float], _starts: Int64s
) -> Terms:
    q, kl_coeff = inputs["logprobs"], settings["kl_coeff"]
    drift = (logprobs - q) * (q != 0)
    reinforce = -np.minimum(ratio_of(logprobs - q), 1) * inputs["advantages"]
    penalty = 0.5 * kl_coeff * drift * drift
    return Terms(
        losses=reinforce * logprobs + penalty, slope=reinforce + kl_coeff * drift, metrics={"kl_penalty": penalty}
    )


LOSS = Loss("stable_reinforce", stable_reinforce, required=("logprobs", "advantages"), settings={"kl_coeff": 0.01})
