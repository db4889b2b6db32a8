"""The whole next-token distribution of one context, looked at only as far as a question needs.

The vocabulary has up to 200,000 tokens, the likely ones sit in a few classes. A token is never likelier than its class,
so the best k tokens, the nucleus and the mass of a tempered distribution are known once the classes left out can no
longer matter. Everything here concerns one context alone, so that no answer depends on its neighbours in a batch.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, log
from typing import NamedTuple

import numpy as np

from mock_server.toy_model.network import Network, softmax
from mock_server.toy_model.values import Array, Int64s

_FIRST_LOOKS = (4, 16, 64, 160)  # classes; then all
_NEGLIGIBLE = 1e-7  # of the total mass
_NO_TOKEN = -5e3  # nats; below it are the cells that round the vocabulary up to a rectangle
_UNTRAINED = -20.0  # nats; ids that a served tokenizer lacks start at -30, and heat must not bring them back
_ALMOST_ONE = 1 - 1e-12
_ROUNDING = 1 - 1e-7  # float32 probabilities add up to 1 only so well
_LARGEST_EXPONENT = 700.0  # of float64


class Script(NamedTuple):
    """A scripted next token and its share of the distribution, 0 <= weight <= 1."""

    token: int
    weight: float

    def mixed(self, token: int, logprob: float) -> float:
        """The logprob of a token under the mixture, given that under the model."""
        logprob += self.log_rest
        return float(np.logaddexp(logprob, np.log(self.weight))) if token == self.token and self.weight else logprob

    @property
    def log_rest(self) -> float:
        """The log of the model's own share."""
        return float(np.log1p(-min(self.weight, _ALMOST_ONE)))


class Head(NamedTuple):
    """The likeliest part of a distribution.

    classes: intp [c].  logprobs: [c, width], of all their tokens.
    unseen: [classes - c], the logprobs of the other classes, in falling order.
    """

    classes: Array
    logprobs: Array
    unseen: Array

    @property
    def bound(self) -> float:
        """No unseen token is likelier than this."""
        return float(self.unseen[0]) if len(self.unseen) else -np.inf

    def knows_best(self, k: int) -> bool:
        """Whether the k likeliest tokens are all in it."""
        if k <= 0 or not len(self.unseen):
            return True
        flat = self.logprobs.reshape(-1)
        return k <= len(flat) and bool(np.partition(flat, len(flat) - k)[len(flat) - k] >= self.bound)

    def best(self, k: int) -> Array:
        """Flat indices of its k likeliest tokens, best first."""
        flat = self.logprobs.reshape(-1)
        if k == 0:
            return np.empty(0, np.intp)
        top = np.argpartition(flat, len(flat) - k)[len(flat) - k :] if k < len(flat) else np.arange(len(flat))
        top = top[np.argsort(-flat[top], kind="stable")]
        return top[flat[top] > _NO_TOKEN]

    def ids(self, flat: Array) -> Int64s:
        """The ids behind flat indices."""
        row, place = np.divmod(flat, self.logprobs.shape[1])
        ids: Int64s = self.classes[row] * self.logprobs.shape[1] + place
        return ids


class Candidates(NamedTuple):
    """What a token is drawn from.

    logprobs: [c, width], as reported: of the tempered distribution, before top_k and top_p.
    chances: [c, width], in proportion to the chance of being drawn.  best: ids and reported logprobs, best first.
    """

    head: Head
    logprobs: Array
    chances: Array
    best: tuple[Int64s, Array]

    def draw(self, uniform: float) -> tuple[int, float]:
        """An id and its reported logprob, given a uniform number in [0, 1)."""
        row, left = _at(self.chances.sum(axis=1), uniform)
        place, _ = _at(self.chances[row], left)
        return int(self.head.classes[row]) * self.chances.shape[1] + place, float(self.logprobs[row, place])


@dataclass(frozen=True)
class Distribution:
    """class_logprobs: [classes].  inner: [rank], what the token softmax reads, without a class's signs."""

    network: Network
    class_logprobs: Array
    inner: Array
    opinion: int
    script: Script | None = None

    def best(self, k: int) -> tuple[Int64s, Array]:
        """The k likeliest tokens (fewer if the vocabulary is smaller): ids and logprobs, best first."""
        head = next(head for seen, unseen in self._looks() if (head := self._head(seen, unseen)).knows_best(k))
        top = head.best(k)
        return head.ids(top), head.logprobs.reshape(-1)[top]

    def candidates(self, temperature: float, top_k: int, top_p: float, ranked: int = 0) -> Candidates:
        """What to draw from at these settings, and the `ranked` best tokens. A temperature of 0 is greedy."""
        if temperature == 0:
            temperature, top_k, top_p = 1.0, 1, 1.0
        for seen, unseen in self._looks():
            if temperature != 1 and not self._may_settle(seen, unseen, temperature):
                continue
            head = self._head(seen, unseen)
            tempered = self._tempered(head, temperature) if head.knows_best(max(ranked, top_k)) else None
            if tempered is None:
                continue
            logprobs, log_total = tempered
            chances = np.exp(logprobs)
            if top_k > 0:
                chances = _only(chances, head.best(top_k))
            if top_p < 1:
                chances = _nucleus(chances, top_p, absolute=top_k <= 0)
            if top_k > 0 or not len(unseen):
                break
            if temperature != 1 and top_p == 1:
                break  # the unseen tokens are negligible
            if top_p < 1 and chances[chances > 0].min() >= np.exp(head.bound / temperature - log_total):
                break  # no unseen token belongs to the nucleus
        top = head.best(ranked)
        return Candidates(head, logprobs, chances, (head.ids(top), logprobs.reshape(-1)[top]))

    def _looks(self) -> Iterator[tuple[Array, Array]]:
        """The classes to look at, a few of the likeliest, then more, at last all; and the logprobs of the others."""
        order = np.argsort(-self.class_logprobs, kind="stable")
        if self.script is not None:  # its class must be among the first, wherever the model puts it
            scripted = self.script.token // self.network.tables.width
            order = np.concatenate(([scripted], order[order != scripted]))
        for count in (*(look for look in _FIRST_LOOKS if look < len(order)), len(order)):
            yield order[:count], self.class_logprobs[order[count:]]

    def _head(self, classes: Array, unseen: Array) -> Head:
        opinion = np.full(len(classes), self.opinion)
        logits = self.network.token_logits(self.inner * self.network.signs[classes], opinion, classes)
        logits -= (softmax(logits.copy()).log_total - self.class_logprobs[classes])[:, None]
        if self.script is not None:
            logits += self.script.log_rest
            if self.script.weight:
                place = self.script.token % self.network.tables.width  # its class comes first
                logits[0, place] = np.logaddexp(logits[0, place], np.log(self.script.weight))
        return Head(classes, logits, unseen)

    def _tempered(self, head: Head, temperature: float) -> tuple[Array, float] | None:
        """The head's logprobs at a temperature and the log of their mass before they were normalised.
        None where the unseen classes are too big to be left out.
        """
        if temperature == 1:
            return head.logprobs, 0.0
        logprobs = head.logprobs / head.logprobs.dtype.type(temperature)
        if self.network.tables.limited:
            logprobs[head.logprobs < _UNTRAINED] = -np.inf
        top = float(logprobs.max())
        mass = float(np.exp(logprobs - top).sum(dtype=np.float64))
        if self._most(head.unseen, temperature, top) > _NEGLIGIBLE * mass:
            return None
        log_total = top + log(mass)
        logprobs -= log_total
        return logprobs, log_total

    def _may_settle(self, seen: Array, unseen: Array, temperature: float) -> bool:
        """Whether the unseen classes can be negligible at all, before the effort of looking at the others."""
        top = float(self.class_logprobs.max()) / temperature
        most = self._most(self.class_logprobs[seen], temperature, top)
        if self.script is not None:
            most += exp(min(-top, _LARGEST_EXPONENT))
        return self._most(unseen, temperature, top) <= _NEGLIGIBLE * most

    def _most(self, classes: Array, temperature: float, top: float) -> float:
        """At most so much mass have these classes at a temperature, in units of e^top.

        A class of probability p has at most width^(1 - 1/T) * p^(1/T): heat favours classes of many tokens.
        """
        if self.network.tables.limited:
            classes = classes[classes >= _UNTRAINED]
        exponents = np.minimum(classes.astype(np.float64) / temperature - top, _LARGEST_EXPONENT)
        spread: float = self.network.tables.width ** max(0.0, 1 - 1 / temperature)
        return float(np.exp(exponents).sum()) * spread


def _only(chances: Array, kept: Array) -> Array:
    """The same chances at some flat indices, 0 elsewhere."""
    only = np.zeros_like(chances)
    only.reshape(-1)[kept] = chances.reshape(-1)[kept]
    return only


def _nucleus(chances: Array, share: float, *, absolute: bool) -> Array:
    """The smallest set of the likeliest tokens that holds this share, of 1 or of what the chances add up to."""
    falling = np.sort(chances, axis=None)[::-1].cumsum(dtype=np.float64)
    mass = share * (1.0 if absolute else falling[-1]) * _ROUNDING
    size = int(np.searchsorted(falling, mass)) + 1
    if size >= chances.size:
        return chances
    threshold = np.partition(chances, chances.size - size, axis=None)[chances.size - size]
    return np.where(chances >= threshold, chances, 0)


def _at(chances: Array, uniform: float) -> tuple[int, float]:
    """The index that a uniform number falls on, and where in its cell it falls, again uniform."""
    cumulative = chances.cumsum(dtype=np.float64)
    point = uniform * cumulative[-1]
    index = int(np.searchsorted(cumulative, point, side="right"))
    before = cumulative[index - 1] if index else 0.0
    left = (point - before) / (cumulative[index] - before)
    return index, min(max(float(left), 0.0), 1 - 2**-52)
