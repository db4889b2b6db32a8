"""The forward and the backward pass over a few hundred positions: two matrix products and a softmax, twice.

Shapes: n positions, p pairs of a position and one class, i targets. With one target a position all three are the same;
with K of them the class softmax is shared, and so is the token softmax of targets in the same class.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mock_server.toy_model.adapter import AdapterShape, Matrices, class_signs
from mock_server.toy_model.base_tables import BaseTables, token_opinion_of
from mock_server.toy_model.context import Contexts
from mock_server.toy_model.values import Array, Int64s

_MOSTLY_ZERO = 0.75  # below this share of positions with a gradient, the backward pass gathers those first


@dataclass(frozen=True)
class Targets:
    """Which probabilities are wanted.

    position: intp [p], ascending, or None where pair j is about position j.  place_class: int64 [p].
    pair: intp [i], or None where target j is of pair j.  place: int64 [i], index within the class.
    """

    place_class: Int64s
    place: Int64s
    position: Array | None = None
    pair: Array | None = None

    @classmethod
    def one_each(cls, ids: Int64s, width: int) -> "Targets":
        """Position j asks for ids[j]."""
        place_class, place = np.divmod(ids, width)
        return cls(place_class, place)

    @classmethod
    def several(cls, ids: Int64s, positions: Array, width: int, classes: int) -> "Targets":
        """Target j asks for ids[j] at positions[j] (ascending); targets of one position and class share a pair."""
        place_class, place = np.divmod(ids, width)
        pairs, pair = np.unique(positions * classes + place_class, return_inverse=True)
        position, pair_class = np.divmod(pairs, classes)
        return cls(pair_class, place, position, pair)


class Softmax(NamedTuple):
    """exponentials: [rows, columns], not normalised.  total: [rows], their sums.  log_total: [rows], log-sum-exp."""

    exponentials: Array
    total: Array
    log_total: Array


def softmax(logits: Array) -> Softmax:
    """Softmax of each row; `logits` is overwritten with the exponentials."""
    top = logits.max(axis=1)
    logits -= top[:, None]
    exponentials = np.exp(logits, out=logits)
    total = exponentials @ np.ones(exponentials.shape[1], exponentials.dtype)  # four times as fast as sum()
    return Softmax(exponentials, total, np.log(total) + top)


class Network:
    """A base model's tables and one set of adapter matrices. Immutable; cheap to make."""

    def __init__(self, tables: BaseTables, shape: AdapterShape, matrices: Matrices) -> None:
        self.tables = tables
        self.rank = shape.rank
        self.scale = matrices.class_a.dtype.type(shape.scale)
        self.matrices = matrices
        self.signs = class_signs(shape.classes, shape.rank)

    def inner(self, features: Array, a: Array) -> Array:
        """[n, FEATURES] -> [n, rank], what a B matrix reads."""
        inner: Array = features @ a
        inner *= self.scale
        return inner

    def class_logits(self, inner: Array, opinion: Array) -> Array:
        """[n, rank] and [n] -> [n, classes]."""
        logits: Array = inner @ self.matrices.class_b
        logits += self.tables.class_logits.take(opinion, axis=0)
        return logits

    def token_logits(self, inner: Array, opinion: Array, place_class: Array) -> Array:
        """[p, rank], [p] and [p] -> [p, width]."""
        logits: Array = inner @ self.matrices.token_b
        logits += self.tables.token_prior.take(place_class, axis=0)
        logits += self.tables.token_opinions.take(token_opinion_of(opinion, place_class), axis=0)
        return logits

    def forward(self, contexts: Contexts, targets: Targets) -> "Pass":
        """One pass over some positions; keep the Pass for `backward`."""
        return Pass(self, contexts, targets)


class Pass:
    """The forward pass of some positions and what its backward pass needs.

    logprobs: [i], log p(target | context), in nats.
    """

    def __init__(self, network: Network, contexts: Contexts, targets: Targets) -> None:
        self._network, self._targets = network, targets
        self._features, opinion = contexts
        self._class_inner = network.inner(self._features, network.matrices.class_a)
        class_logits = network.class_logits(self._class_inner, opinion)

        token_features = self._features
        if targets.position is not None:
            token_features, opinion = token_features[targets.position], opinion[targets.position]
        signs = network.signs.take(targets.place_class, axis=0)
        self._token_features, self._signs = token_features, signs
        self._token_inner = network.inner(token_features, network.matrices.token_a)
        self._token_inner *= signs
        token_logits = network.token_logits(self._token_inner, opinion, targets.place_class)

        rows = np.arange(len(targets.place_class))
        self._position = rows if targets.position is None else targets.position
        self._pair = rows if targets.pair is None else targets.pair
        chosen_class = class_logits[self._position, targets.place_class]
        chosen_place = token_logits[self._pair, targets.place]
        self._classes, self._tokens = softmax(class_logits), softmax(token_logits)
        chosen_class -= self._classes.log_total[self._position]
        chosen_place -= self._tokens.log_total[self._pair]
        self.logprobs: Array = chosen_place + chosen_class[self._pair]

    def backward(self, slope: Array, into: Matrices) -> None:
        """Add to `into` the gradient that follows from slope = d loss / d logprobs, [i]. Consumes the pass."""
        if self._targets.position is None:
            token_slope = class_slope = slope
        else:
            token_slope = np.bincount(self._pair, slope, len(self._token_features)).astype(slope.dtype)
            class_slope = np.bincount(self._position, token_slope, len(self._features)).astype(slope.dtype)
        network, targets = self._network, self._targets
        class_cells = Cells(targets.position, targets.place_class, token_slope)
        class_half = _Half(self._features, self._class_inner, network.scale, self._classes)
        class_half.backward(class_slope, class_cells, network.matrices.class_b, into.class_a, into.class_b)
        token_cells = Cells(targets.pair, targets.place, slope)
        token_half = _Half(self._token_features, self._token_inner, self._signs * network.scale, self._tokens)
        token_half.backward(token_slope, token_cells, network.matrices.token_b, into.token_a, into.token_b)


class Cells(NamedTuple):
    """The probabilities that were asked for. row: intp [cells], or None for one a row, in order.
    column: [cells].  slope: [cells], d loss / d log of each.
    """

    row: Array | None
    column: Array
    slope: Array


class _Half(NamedTuple):
    """One of the two softmaxes: features [rows, FEATURES] -> inner [rows, rank] -> probabilities [rows, columns].

    gain: a number or [rows, rank], what the product of features and A was multiplied by.
    """

    features: Array
    inner: Array
    gain: Array
    softmax: Softmax

    def backward(self, slope: Array, cells: Cells, b: Array, into_a: Array, into_b: Array) -> None:
        """Add the gradients of A and B. slope: [rows], the sum of slopes of each row's cells. Consumes the softmax."""
        features, inner, gain, error, total = *self[:3], self.softmax.exponentials, self.softmax.total
        row, column, slope_of_cell = cells
        if row is None:
            active = np.flatnonzero(slope)
            if len(active) < _MOSTLY_ZERO * len(slope):  # prompts have no gradient, and can be most of a batch
                features, inner, error, total = features[active], inner[active], error[active], total[active]
                gain = gain[active] if gain.ndim else gain
                slope, column = slope[active], column[active]
                slope_of_cell = slope
        # d loss / d logits = slope * (one-hot - probabilities), made in place of the exponentials.
        error *= (-slope / total)[:, None]
        if row is None:
            error[np.arange(len(slope)), column] += slope_of_cell
        else:
            np.add.at(error, (row, column), slope_of_cell)  # a row may have the same column twice
        into_b += inner.T @ error
        inner_error = error @ b.T
        inner_error *= gain
        into_a += features.T @ inner_error
