"""What a sampler is asked, and what it answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mock_server.toy_model.errors import InvalidInput
from mock_server.toy_model.values import STAND_INS_FROM, Int64s

DEFAULT_MAX_TOKENS = 2048  # where the request leaves it open: long enough for any answer, short enough to end
_MOST_CELLS = 4_000_000  # ids that one request may have ranked or scored, so that a slip can't take all memory

Responder = Callable[[Sequence[int]], tuple[int, float] | None]
"""Tokens of the answer so far -> the scripted next id and its weight w, or None.

The distribution then becomes (1 - w) * model + w * [id], and the reported logprobs are those of this mixture: they are
the true probabilities of what was sampled. Prompt logprobs and forward know no script, so for scripted answers they
differ from the sampled ones by what the script added.
"""

StopText = Callable[[Sequence[int]], bool]
"""Tokens of the answer so far -> whether it ends here, tokens kept."""

Ranked = tuple[NDArray[np.int32], NDArray[np.float32]]
"""Ids and logprobs, [rows, k], best first. An empty cell is id 0 with logprob EMPTY, as the SDK's sentinel has it."""

EMPTY = -99999.0


@dataclass(frozen=True)
class SampleRequest:
    """prompt: int64 [n], any ids: text ids, or stand-ins for positions of an image or a sound.
    max_tokens: None for DEFAULT_MAX_TOKENS.  temperature: 0 is greedy.  top_k: -1 or 0 is off.
    stop_ids: end the answer, included once.
    prompt_logprobs_last_n: score only that many of the last prompt tokens; also limits topk_prompt_logprobs.
    target_prompt_logprobs: int64 [n - 1, K], ids to score at each prompt position after the first; -1 is no id.
    prompt_alt_tokens_k: draws at the request's temperature at each prompt position after the first.
    """

    prompt: Int64s
    seed: int
    num_samples: int = 1
    max_tokens: int | None = None
    temperature: float = 1.0
    top_k: int = -1
    top_p: float = 1.0
    stop_ids: frozenset[int] = frozenset()
    stop_text: StopText | None = None
    prompt_logprobs: bool = False
    prompt_logprobs_last_n: int | None = None
    topk_prompt_logprobs: int = 0
    topk_sample_logprobs: int = 0
    target_prompt_logprobs: Int64s | None = None
    prompt_alt_tokens_k: int = 0
    responder: Responder | None = None

    @property
    def limit(self) -> int:
        """The most tokens an answer may have."""
        return DEFAULT_MAX_TOKENS if self.max_tokens is None else self.max_tokens

    @property
    def plain(self) -> bool:
        """Whether a token is drawn from the model's own distribution as it is."""
        return self.temperature == 1.0 and self.top_k <= 0 and self.top_p >= 1.0


@dataclass(frozen=True)
class SampledSequence:
    """tokens: int32 [m].  logprobs: float32 [m], of the temperature-scaled distribution before top_k and top_p (of
    temperature 1 when greedy).  topk: [m, k] of the same distribution, if asked for.
    """

    tokens: NDArray[np.int32]
    logprobs: NDArray[np.float32]
    stop_reason: Literal["stop", "length"]
    topk: Ranked | None = None


@dataclass(frozen=True)
class PromptScores:
    """What a request asked about its prompt, all at temperature 1; None where not asked.

    prompt_logprobs: float32 [n], NaN where not computed (the first token; ids outside the vocabulary).
    topk_prompt: [n, k]; rows not computed are empty.
    target_prompt_logprobs: float32 [n - 1, K], 0 for absent cells.
    prompt_alt_tokens: int64 and float32 [n - 1, k].
    """

    prompt_logprobs: NDArray[np.float32] | None = None
    topk_prompt: Ranked | None = None
    target_prompt_logprobs: NDArray[np.float32] | None = None
    prompt_alt_tokens: tuple[Int64s, NDArray[np.float32]] | None = None


@dataclass(frozen=True)
class SampleResult(PromptScores):
    """The answers of one request, in the order of their index, and what was asked about its prompt."""

    sequences: list[SampledSequence] = field(default_factory=list)


def check(request: SampleRequest, vocab_size: int) -> None:
    """Raises InvalidInput."""
    n = len(request.prompt)
    outside = request.prompt[(request.prompt >= vocab_size) & (request.prompt < STAND_INS_FROM)]
    if len(outside):
        raise InvalidInput(
            f"prompt has the id {outside[0]}, outside the model's vocabulary: give ids from 0 to {vocab_size - 1}"
        )
    _check_counts(request, n)
    if not (isfinite(request.temperature) and request.temperature >= 0):
        raise InvalidInput(f"temperature is {request.temperature}: give a number of at least 0 (0 is greedy)")
    if not 0 < request.top_p <= 1:
        raise InvalidInput(f"top_p is {request.top_p}: give a number above 0 and up to 1")
    if request.top_k < -1:
        raise InvalidInput(f"top_k is {request.top_k}: give a number of tokens, or -1 for no limit")
    last_n = request.prompt_logprobs_last_n
    if last_n is not None and not request.prompt_logprobs:
        raise InvalidInput("prompt_logprobs_last_n is given without prompt_logprobs: ask for prompt_logprobs as well")
    if last_n is not None and not 1 <= last_n <= n - 1:
        raise InvalidInput(f"prompt_logprobs_last_n is {last_n} for a prompt of {n} tokens: give 1 to {n - 1}")
    if request.target_prompt_logprobs is not None:
        _check_targets(request.target_prompt_logprobs, n, vocab_size)


def _check_counts(request: SampleRequest, n: int) -> None:
    if request.num_samples < 1:
        raise InvalidInput(f"num_samples is {request.num_samples}: give at least 1")
    if request.limit < 0:
        raise InvalidInput(f"max_tokens is {request.max_tokens}: give 0 or more")
    for name in ("topk_prompt_logprobs", "topk_sample_logprobs", "prompt_alt_tokens_k"):
        k = getattr(request, name)
        if k < 0:
            raise InvalidInput(f"{name} is {k}: give 0 or more")
        if k * max(n, 1) > _MOST_CELLS:
            raise InvalidInput(f"{name} is {k} for a prompt of {n} tokens: give at most {_MOST_CELLS // max(n, 1)}")


def _check_targets(targets: Int64s, n: int, vocab_size: int) -> None:
    rows = max(n - 1, 0)
    if targets.ndim != 2 or len(targets) != rows:
        raise InvalidInput(
            f"target_prompt_logprobs has shape {list(targets.shape)} for a prompt of {n} tokens: "
            f"give [{rows}, K], one row per prompt token after the first"
        )
    if targets.size > _MOST_CELLS:
        raise InvalidInput(f"target_prompt_logprobs has {targets.size} cells: give at most {_MOST_CELLS}")
    if targets.size and (targets.min() < -1 or targets.max() >= vocab_size):
        wrong = targets[(targets < -1) | (targets >= vocab_size)][0]
        raise InvalidInput(
            f"target_prompt_logprobs has the id {wrong}, outside the model's vocabulary: "
            f"give ids from 0 to {vocab_size - 1}, or -1 for no id"
        )
