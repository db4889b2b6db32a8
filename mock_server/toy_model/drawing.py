"""Drawing the next token of many contexts at once: first its class, then the token within it."""

from collections.abc import Iterator

import numpy as np

from mock_server.toy_model.context import Contexts
from mock_server.toy_model.distribution import Distribution, Script
from mock_server.toy_model.network import Network, softmax
from mock_server.toy_model.values import Array, Int64s


class Outlook:
    """What the model expects after each of some contexts. A row depends on its own context only."""

    def __init__(self, network: Network, seen: Contexts) -> None:
        self._network, self._opinion = network, seen.opinion
        self._class_logits = network.class_logits(network.inner(seen.features, network.matrices.class_a), seen.opinion)
        self._inner = network.inner(seen.features, network.matrices.token_a)
        self._classes = softmax(self._class_logits.copy())

    def draw(self, uniforms: Array, forced: Int64s | None = None) -> tuple[Int64s, Array]:
        """One token a row from the model's own distribution: ids, int64 [n], and their logprobs, [n].

        uniforms: [n, 2] in [0, 1), for the class and for the token within it.
        forced: int64 [n], ids to take instead of drawing, where they are not negative.
        """
        network = self._network
        classes = _choose(self._classes.exponentials, uniforms[:, 0])
        if forced is not None:
            classes = np.where(forced >= 0, forced // network.tables.width, classes)
        logits = network.token_logits(self._inner * network.signs.take(classes, axis=0), self._opinion, classes)
        tokens = softmax(logits.copy())
        places = _choose(tokens.exponentials, uniforms[:, 1])
        if forced is not None:
            places = np.where(forced >= 0, forced % network.tables.width, places)
        rows = np.arange(len(classes))
        logprobs = self._class_logits[rows, classes] - self._classes.log_total
        logprobs += logits[rows, places] - tokens.log_total
        return classes * network.tables.width + places, logprobs

    def distribution(self, row: int, script: Script | None = None) -> Distribution:
        """All of one row's distribution."""
        class_logprobs = self._class_logits[row] - self._classes.log_total[row]
        return Distribution(self._network, class_logprobs, self._inner[row], int(self._opinion[row]), script)

    def distributions(self) -> Iterator[Distribution]:
        return (self.distribution(row) for row in range(len(self._opinion)))


def _choose(exponentials: Array, uniforms: Array) -> Int64s:
    """One column a row, with chances in proportion to [n, columns]."""
    cumulative = exponentials.cumsum(axis=1, dtype=np.float64)
    # 53-bit uniforms times the total stay below the total, so a column of chance 0 is never drawn.
    column: Int64s = (cumulative <= (uniforms * cumulative[:, -1])[:, None]).sum(axis=1)
    return column
