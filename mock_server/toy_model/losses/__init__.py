"""The loss functions of the official API, one a file. All are sums over tokens, never normalised."""

from mock_server.toy_model.losses import (
    cispo,
    cross_entropy,
    dro,
    gspo,
    importance_sampling,
    ppo,
    stable_reinforce,
)
from mock_server.toy_model.losses.loss import Loss, Terms

LOSSES = {
    loss.name: loss
    for loss in (
        cross_entropy.LOSS,
        importance_sampling.LOSS,
        ppo.LOSS,
        cispo.LOSS,
        dro.LOSS,
        gspo.LOSS,
        stable_reinforce.LOSS,
    )
}

__all__ = ["LOSSES", "Loss", "Terms"]
