"""The frozen half of the model: what a base model believes before any training.

The vocabulary is cut in about sqrt(V) classes of as many consecutive ids, and
log p(token) = log p(class) + log p(token in class): two small softmaxes, exactly normalised, of cost sqrt(V).
"""

from dataclasses import dataclass
from functools import lru_cache
from math import isqrt

import numpy as np

from mock_server.toy_model.context import OPINIONS
from mock_server.toy_model.errors import InvalidInput
from mock_server.toy_model.hashing import key_of, noise
from mock_server.toy_model.values import Array, BaseModel

END_OF_TEXT_SHARE = 0.05  # of the probability of a token, so that a base model ends its answers after some 20 tokens
OUTSIDE_PRIOR = -30.0  # nats of an id that the served tokenizer does not have
_NOWHERE = -1e4  # nats of the cells that round V up to a rectangle; exp of it is 0 in float32
_OPINION_STRENGTH = 0.6  # nats, standard deviation of one opinion about one class or one token


@dataclass(frozen=True, eq=False)
class BaseTables:
    """classes: number of classes.  width: ids in a class; id = class * width + place.

    class_logits: float32 [OPINIONS, classes].
    token_prior: float32 [classes, width], log p(place | class) of the prior.
    token_opinions: float32 [OPINIONS, width].
    limited: whether the prior covers a part of the vocabulary only.
    """

    classes: int
    width: int
    class_logits: Array
    token_prior: Array
    token_opinions: Array
    limited: bool


@lru_cache(maxsize=64)
def base_tables(base: BaseModel) -> BaseTables:
    """The tables of a base model, shared by everything that uses it."""
    classes, width, class_prior, token_prior = _prior(base.vocab_size, base.prior_size, base.end_of_text)
    class_opinions = noise(key_of(base.name, "class opinions"), (OPINIONS, classes), _OPINION_STRENGTH)
    return BaseTables(
        classes=classes,
        width=width,
        class_logits=_frozen(class_prior + class_opinions),
        token_prior=token_prior,
        limited=base.prior_size is not None,
        token_opinions=_frozen(noise(key_of(base.name, "token opinions"), (OPINIONS, width), _OPINION_STRENGTH)),
    )


def token_opinion_of(opinion: Array, place_class: Array) -> Array:
    """Which opinion about places applies in this class: another one for every class. Broadcasts; intp."""
    mixed: Array = (opinion + place_class * 29) % OPINIONS
    return mixed


@lru_cache(maxsize=16)  # by far the largest table (600 KB for 151,936 ids), the same for all models of one vocabulary
def _prior(vocab_size: int, prior_size: int | None, end_of_text: tuple[int, ...]) -> tuple[int, int, Array, Array]:
    if vocab_size < 1:
        raise InvalidInput(f"vocab_size is {vocab_size}: give the size of the real model's vocabulary")
    if any(not 0 <= i < vocab_size for i in end_of_text):
        raise InvalidInput(
            f"end_of_text {end_of_text} has an id outside 0..{vocab_size - 1}: give ids of this vocabulary"
        )
    known = vocab_size if prior_size is None else min(max(prior_size, 1), vocab_size)
    zipf = 1.0 / (np.arange(known) + 8.0)  # low ids are likelier, without the first drowning the rest
    log_prior = np.full(vocab_size, OUTSIDE_PRIOR)
    log_prior[:known] = np.log(zipf / zipf.sum())
    if end_of_text:
        log_prior += np.log1p(-END_OF_TEXT_SHARE)
        log_prior[list(end_of_text)] = np.log(END_OF_TEXT_SHARE / len(set(end_of_text)))

    width = isqrt(vocab_size - 1) + 1
    classes = -(-vocab_size // width)
    cells = np.full((classes, width), _NOWHERE)
    cells.reshape(-1)[:vocab_size] = log_prior
    class_prior = np.logaddexp.reduce(cells, axis=1)
    return (
        classes,
        width,
        _frozen(class_prior.astype(np.float32)),
        _frozen((cells - class_prior[:, None]).astype(np.float32)),
    )


def _frozen(array: Array) -> Array:
    array.flags.writeable = False
    return array
