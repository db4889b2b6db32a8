"""What can be asked about a prompt: logprobs of its tokens, of other ids, the best ones, and draws in their place.

Everything is computed for one request alone, in pieces whose sizes follow from the request: its numbers are the same
whatever else the server does.
"""

from collections.abc import Iterator

import numpy as np

from mock_server.toy_model.context import BEFORE_THE_BEGINNING, CONTEXT, Contexts, contexts, windows
from mock_server.toy_model.drawing import Outlook
from mock_server.toy_model.hashing import key_of, mix, to_unit
from mock_server.toy_model.network import Network, Targets
from mock_server.toy_model.sampling import EMPTY, PromptScores, Ranked, SampleRequest
from mock_server.toy_model.values import Array, Int64s

_CHUNK = 256  # positions computed at once, as in training


def score_prompt(network: Network, request: SampleRequest, vocab_size: int) -> PromptScores:
    """All that the request asks about its prompt; costs nothing where it asks nothing."""
    n, last_n = len(request.prompt), request.prompt_logprobs_last_n
    first = 1 if last_n is None else n - last_n
    k, targets, draws = request.topk_prompt_logprobs, request.target_prompt_logprobs, request.prompt_alt_tokens_k
    return PromptScores(
        prompt_logprobs=_prompt_logprobs(network, request.prompt, first, vocab_size)
        if request.prompt_logprobs
        else None,
        topk_prompt=_topk(network, request.prompt, first, k) if k else None,
        target_prompt_logprobs=None if targets is None else _of_targets(network, request.prompt, targets),
        prompt_alt_tokens=_draws(network, request, draws) if draws else None,
    )


def ranked(rows: list[tuple[Array, Array]], k: int) -> Ranked:
    """Rows of best tokens as two dense arrays, [rows, k]."""
    ids, logprobs = np.zeros((len(rows), k), np.int32), np.full((len(rows), k), EMPTY, np.float32)
    for row, (row_ids, row_logprobs) in enumerate(rows):
        ids[row, : len(row_ids)] = row_ids
        logprobs[row, : len(row_logprobs)] = row_logprobs
    return ids, logprobs


def _contexts_of(prompt: Int64s, positions: Array) -> Iterator[tuple[Array, Contexts]]:
    """Chunks of positions, and what comes before each."""
    padded = np.concatenate((np.full(CONTEXT, BEFORE_THE_BEGINNING), prompt))
    for start in range(0, len(positions), _CHUNK):
        chunk = positions[start : start + _CHUNK]
        yield chunk, contexts(windows(padded, chunk + (CONTEXT - 1)))


def _prompt_logprobs(network: Network, prompt: Int64s, first: int, vocab_size: int) -> Array:
    logprobs = np.full(len(prompt), np.nan, np.float32)
    scored = np.arange(first, len(prompt))
    scored = scored[(prompt[scored] >= 0) & (prompt[scored] < vocab_size)]  # a stand-in for an image has no probability
    for positions, seen in _contexts_of(prompt, scored):
        targets = Targets.one_each(prompt[positions], network.tables.width)
        logprobs[positions] = network.forward(seen, targets).logprobs
    return logprobs


def _topk(network: Network, prompt: Int64s, first: int, k: int) -> Ranked:
    none = np.empty(0), np.empty(0)
    rows: list[tuple[Array, Array]] = [none] * min(first, len(prompt))
    for _, seen in _contexts_of(prompt, np.arange(first, len(prompt))):
        rows += [distribution.best(k) for distribution in Outlook(network, seen).distributions()]
    return ranked(rows, k)


def _of_targets(network: Network, prompt: Int64s, ids: Int64s) -> Array:
    logprobs = np.zeros(ids.shape, np.float32)
    wanted = np.flatnonzero((ids >= 0).any(axis=1))
    for positions, seen in _contexts_of(prompt, wanted + 1):
        rows, columns = np.nonzero(ids[positions - 1] >= 0)
        cells = positions[rows] - 1, columns
        targets = Targets.several(ids[cells], rows, network.tables.width, network.tables.classes)
        logprobs[cells] = network.forward(seen, targets).logprobs
    return logprobs


def _draws(network: Network, request: SampleRequest, k: int) -> tuple[Int64s, Array]:
    count = max(len(request.prompt) - 1, 0)
    ids, logprobs = np.zeros((count, k), np.int64), np.zeros((count, k), np.float32)
    counter = np.arange(count * k * 2, dtype=np.uint64) + np.uint64(key_of("draws in prompt", request.seed))
    uniforms = to_unit(mix(counter)).reshape(count, k, 2)
    for positions, seen in _contexts_of(request.prompt, np.arange(1, count + 1)):
        rows = positions - 1
        if request.temperature != 1.0:
            for row, distribution in zip(rows, Outlook(network, seen).distributions(), strict=True):
                candidates = distribution.candidates(request.temperature, -1, 1.0)
                ids[row] = [candidates.draw(u)[0] for u in uniforms[row, :, 0]]
        else:
            outlook = Outlook(network, seen)
            for draw in range(k):
                ids[rows, draw] = outlook.draw(uniforms[rows, draw])[0]
        targets = Targets.several(
            ids[rows].reshape(-1), np.repeat(np.arange(len(rows)), k), network.tables.width, network.tables.classes
        )
        logprobs[rows] = network.forward(seen, targets).logprobs.reshape(len(rows), k)
    return ids, logprobs
