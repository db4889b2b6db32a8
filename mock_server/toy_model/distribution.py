"""The whole next-token distribution of one context, looked at only as far as a question needs.

The vocabulary has up to 200,000 tokens, the likely ones sit in a few classes. A token is never likelier than its class,
so the best k tokens, the nucleus and the mass of a tempered distribution are known once the classes left out can no
longer matter. Everything here concerns one context alone, so that no answer depends on its neighbours in a batch.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mock_server.toy_model.network import Network, softmax
from mock_server.toy_model.values import Array, Int64s

_FIRST_LOOKS = (4, 32)  # classes; then all
_NEGLIGIBLE = 1e-7  # of the total mass
_NO_TOKEN = -5e3  # nats; below it are the cells that round the vocabulary up to a rectangle
_UNTRAINED = -20.0  # nats; ids that a served tokenizer lacks start at -30, and heat must not bring them back
_ALMOST_ONE = 1 - 1e-12


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
        row, left = _at(self.chances.sum(axis=1, dtype=np.float64), uniform)
        place, _ = _at(self.chances[row].astype(np.float64), left)
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
        head = next(head for head in self._heads() if head.knows_best(k))
        top = head.best(k)
        return head.ids(top), head.logprobs.reshape(-1)[top]

    def candidates(self, temperature: float, top_k: int, top_p: float, ranked: int = 0) -> Candidates:
        """What to draw from at these settings, and the `ranked` best tokens."""
        known = max(ranked, top_k, 1 if temperature == 0 else 0)
        for head in self._heads():
            if not head.knows_best(known):
                continue
            logprobs, log_total, complete = self._tempered(head, temperature or 1.0)
            if temperature == 0:
                chances = np.zeros_like(logprobs)
                chances.reshape(-1)[head.best(1)] = 1
                break
            chances = np.exp(logprobs)
            if top_k > 0:
                kept = head.best(top_k)
                filtered = np.zeros_like(chances)
                filtered.reshape(-1)[kept] = chances.reshape(-1)[kept]
                chances = filtered
            elif not complete:
                continue
            if top_p < 1:
                threshold = _nucleus(chances, top_p * (float(chances.sum(dtype=np.float64)) if top_k > 0 else 1.0))
                if top_k <= 0 and threshold < np.exp(head.bound / temperature - log_total):
                    continue
                chances[chances < threshold] = 0
            elif top_k <= 0 and temperature == 1.0 and len(head.unseen):
                continue  # nothing but the whole vocabulary will do
            break
        top = head.best(ranked)
        return Candidates(head, logprobs, chances, (head.ids(top), logprobs.reshape(-1)[top]))

    def _heads(self) -> Iterator[Head]:
        """Growing parts of the distribution, the likeliest classes first; the last one is all of it."""
        order = np.argsort(-self.class_logprobs, kind="stable")
        if self.script is not None:  # its class must be among the first, wherever the model puts it
            scripted = self.script.token // self.network.tables.width
            order = np.concatenate(([scripted], order[order != scripted]))
        for count in (*(look for look in _FIRST_LOOKS if look < len(order)), len(order)):
            yield Head(order[:count], self._tokens_of(order[:count]), self.class_logprobs[order[count:]])

    def _tokens_of(self, classes: Array) -> Array:
        """[c, width]: the logprobs of all tokens of some classes."""
        opinion = np.full(len(classes), self.opinion)
        logits = self.network.token_logits(self.inner * self.network.signs[classes], opinion, classes)
        logits -= (softmax(logits.copy()).log_total - self.class_logprobs[classes])[:, None]
        if self.script is not None:
            logits += self.script.log_rest
            if self.script.weight:
                place = self.script.token % self.network.tables.width  # its class comes first
                logits[0, place] = np.logaddexp(logits[0, place], np.log(self.script.weight))
        return logits

    def _tempered(self, head: Head, temperature: float) -> tuple[Array, float, bool]:
        """The head's logprobs at a temperature, the log of their mass before they were normalised, and whether the
        unseen classes are too small to change them.
        """
        if temperature == 1.0:
            return head.logprobs, 0.0, True
        logprobs, unseen = head.logprobs / head.logprobs.dtype.type(temperature), head.unseen / temperature
        if self.network.tables.limited:
            logprobs[head.logprobs < _UNTRAINED] = -np.inf
            unseen = unseen[head.unseen >= _UNTRAINED]
        top = logprobs.max()
        mass = np.exp(logprobs - top).sum(dtype=np.float64)
        # A class of probability p adds at most width^(1 - 1/T) * p^(1/T): heat favours classes of many tokens.
        spread = self.network.tables.width ** max(0.0, 1 - 1 / temperature)
        rest = float(np.exp(unseen - top).sum()) * spread
        log_total = float(top + np.log(mass))
        logprobs -= log_total
        return logprobs, log_total, rest <= _NEGLIGIBLE * mass or not len(head.unseen)


def _nucleus(chances: Array, mass: float) -> float:
    """The chance of the last token that belongs to the smallest set of tokens holding this mass."""
    falling = np.sort(chances, axis=None)[::-1]
    size = int(np.searchsorted(falling.cumsum(dtype=np.float64), mass * (1 - 1e-7)))  # 1e-7: float32 sums to 1 so well
    return float(falling[size]) if size < len(falling) else 0.0


def _at(chances: Array, uniform: float) -> tuple[int, float]:
    """The index that a uniform number falls on, and where in its cell it falls, again uniform."""
    cumulative = chances.cumsum()
    point = uniform * cumulative[-1]
    index = int(np.searchsorted(cumulative, point, side="right"))
    left = (point - (cumulative[index - 1] if index else 0.0)) / chances[index]
    return index, min(max(float(left), 0.0), 1 - 2**-52)
