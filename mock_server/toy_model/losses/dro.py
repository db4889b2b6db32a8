"""dro: direct reward optimisation, off-policy with a quadratic pull towards the sampler.

Source: tinker-docs, losses/dro; Richemond et al. 2024.

    loss = sum(-(logprobs * advantages - beta / 2 * (logprobs - q)^2))

Inputs [N]: target_tokens; logprobs, log q of the targets when they were sampled; advantages (of the soft kind).
Settings: beta 0.05. The official page gives no default; 0.05 is the value of its example.
"""

from collections.abc import Mapping

from mock_server.toy_model.losses.loss import Loss, Terms
from mock_server.toy_model.values import Array, Int64s


def dro(logprobs: Array, inputs: Mapping[str, Array], settings: Mapping[str, float], _starts: Int64s) -> Terms:
    beta, advantages = settings["beta"], inputs["advantages"]
    drift = logprobs - inputs["logprobs"]
    penalty = 0.5 * beta * drift * drift
    return Terms(
        losses=penalty - logprobs * advantages, slope=beta * drift - advantages, metrics={"drift_penalty": penalty}
    )


LOSS = Loss("dro", dro, required=("logprobs", "advantages"), settings={"beta": 0.05})
