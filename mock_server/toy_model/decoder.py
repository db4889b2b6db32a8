"""Continuous batching: every running sequence of one set of weights advances by one token a step, whoever asked.

The sequences sit in tiles of a fixed number of rows, empty rows included. A matrix product of a fixed shape treats
each row alike, while BLAS picks another kernel, and other last bits, for another number of rows: with fixed tiles the
same request with the same seed gives the same tokens and logprobs to the last bit, whatever else is running.
"""

from collections import deque
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush

import numpy as np

from mock_server.toy_model.context import BEFORE_THE_BEGINNING, CONTEXT, contexts
from mock_server.toy_model.distribution import Script
from mock_server.toy_model.drawing import Outlook
from mock_server.toy_model.errors import InvalidInput
from mock_server.toy_model.hashing import UInt64s, key_of, mix, to_unit
from mock_server.toy_model.prompts import ranked, score_prompt
from mock_server.toy_model.sampling import PromptScores, SampledSequence, SampleRequest, SampleResult, check
from mock_server.toy_model.values import Array, Int64s
from mock_server.toy_model.weights import Weights

TILE = 64  # rows of a tile
_DRAWS = 3  # uniform numbers a token may need: its class, its place, and whether the script decides
_PROMPT_TOKENS_A_STEP = 2048  # of scoring, so that a long prompt does not hold up the sequences that run
_STRIDE = np.uint64(0x9E3779B97F4A7C15)


class Decoder:
    """Runs the sample requests for one set of weights."""

    def __init__(self, weights: Weights) -> None:
        self._network = weights.network
        self._vocab_size = weights.base.vocab_size
        self._waiting: deque[_Job] = deque()
        self._jobs: dict[Hashable, _Job] = {}
        self._slots: list[_Sequence | None] = []
        self._free: list[int] = []
        self._window: UInt64s = np.empty((CONTEXT, 0), np.uint64)  # the last tokens of each slot, newest first
        self._streams: UInt64s = np.empty(0, np.uint64)  # each slot's state of its own random stream

    @property
    def idle(self) -> bool:
        """Nothing is running or waiting."""
        return not self._jobs

    def add(self, key: Hashable, request: SampleRequest) -> None:
        """Take a request in; `step` will answer it under this key. KeyError if the key is in use."""
        if key in self._jobs:
            raise KeyError(f"a request with the key {key!r} is already running")
        self._jobs[key] = job = _Job(key, request)
        self._waiting.append(job)

    def remove(self, key: Hashable) -> None:
        """Forget a request that nobody waits for any more. An unknown key is none."""
        job = self._jobs.pop(key, None)
        if job is None:
            return
        job.removed = True
        for slot, sequence in enumerate(self._slots):
            if sequence is not None and sequence.job is job:
                self._release(slot)

    def step(self) -> list[tuple[Hashable, SampleResult | InvalidInput]]:
        """Advance every running sequence by one token; returns the requests that this finished, with their answers."""
        finished = self._start_waiting()
        for start in range(0, len(self._slots), TILE):
            self._advance(start, finished)
        for job in finished:
            self._jobs.pop(job.key, None)
        return [(job.key, job.answer()) for job in finished]

    def _start_waiting(self) -> "list[_Job]":
        """Score the prompts of waiting requests and give their sequences slots."""
        finished: list[_Job] = []
        budget = _PROMPT_TOKENS_A_STEP
        while self._waiting and budget > 0:
            job = self._waiting.popleft()
            if job.removed:
                continue
            request = job.request
            try:
                check(request, self._vocab_size)
            except InvalidInput as error:
                job.error = error
                finished.append(job)
                continue
            budget -= len(request.prompt)
            job.scores = score_prompt(self._network, request, self._vocab_size)
            job.unfinished = request.num_samples
            job.sequences = [_Sequence(job, index) for index in range(request.num_samples)]
            if request.limit == 0:
                finished.append(job)
                continue
            for sequence in job.sequences:
                self._occupy(sequence)
        return finished

    def _occupy(self, sequence: "_Sequence") -> None:
        if not self._free:
            size = len(self._slots)
            self._slots += [None] * TILE
            self._free = list(range(size, size + TILE))
            self._window = np.concatenate((self._window, np.zeros((CONTEXT, TILE), np.uint64)), axis=1)
            self._streams = np.concatenate((self._streams, np.zeros(TILE, np.uint64)))
        slot = heappop(self._free)  # the lowest, so that few tiles are in use
        self._slots[slot] = sequence
        prompt = sequence.job.request.prompt[-CONTEXT:]
        column = np.full(CONTEXT, BEFORE_THE_BEGINNING)
        column[: len(prompt)] = prompt[::-1]
        self._window[:, slot] = column.view(np.uint64)
        self._streams[slot] = key_of("sample", sequence.job.request.seed, sequence.index)

    def _release(self, slot: int) -> None:
        self._slots[slot] = None
        heappush(self._free, slot)

    def _advance(self, start: int, finished: "list[_Job]") -> None:
        """Draw the next token of each sequence in one tile."""
        tile = slice(start, start + TILE)
        running = [(row, sequence) for row, sequence in enumerate(self._slots[tile]) if sequence is not None]
        if not running:
            return
        outlook = Outlook(self._network, contexts(self._window[:, tile]))
        uniforms = self._uniforms(tile)
        scripts = {row: script for row, sequence in running if (script := sequence.script()) is not None}
        drawn, drawn_logprobs = outlook.draw(uniforms, _forced(scripts, uniforms[:, 2]) if scripts else None)
        ids, logprobs = drawn.tolist(), drawn_logprobs.tolist()

        for row, sequence in running:
            request, script, best = sequence.job.request, scripts.get(row), None
            if not request.plain:
                candidates = outlook.distribution(row, script).candidates(
                    request.temperature, request.top_k, request.top_p, request.topk_sample_logprobs
                )
                ids[row], logprobs[row] = candidates.draw(uniforms[row, 0])
                best = candidates.best
            elif request.topk_sample_logprobs:
                best = outlook.distribution(row, script).best(request.topk_sample_logprobs)
            if request.plain and script is not None:
                logprobs[row] = script.mixed(ids[row], logprobs[row])
            if sequence.accept(ids[row], logprobs[row], best):
                self._release(start + row)
                finished += [sequence.job] * (sequence.job.unfinished == 0)
        self._window[1:, tile] = self._window[:-1, tile]
        self._window[0, tile] = np.array(ids, np.int64).view(np.uint64)

    def _uniforms(self, tile: slice) -> Array:
        """The next numbers of each row's stream, float64 [TILE, _DRAWS] in [0, 1)."""
        numbers = np.empty((TILE, _DRAWS))
        for draw in range(_DRAWS):
            self._streams[tile] += _STRIDE
            numbers[:, draw] = to_unit(mix(self._streams[tile].copy()))
        return numbers


def _forced(scripts: Mapping[int, Script], uniforms: Array) -> Int64s:
    """The scripted id where chance gives the script its share, -1 elsewhere: int64 [TILE]."""
    forced = np.full(TILE, -1)
    for row, script in scripts.items():
        if uniforms[row] < script.weight:
            forced[row] = script.token
    return forced


@dataclass(eq=False)
class _Job:
    """One request on its way to its answer."""

    key: Hashable
    request: SampleRequest
    removed: bool = False
    error: InvalidInput | None = None
    scores: PromptScores = field(default_factory=PromptScores)
    sequences: "list[_Sequence]" = field(default_factory=list)
    unfinished: int = 0

    def answer(self) -> SampleResult | InvalidInput:
        if self.error is not None:
            return self.error
        return SampleResult(**vars(self.scores), sequences=[sequence.result() for sequence in self.sequences])


@dataclass(eq=False)
class _Sequence:
    """One answer in the making."""

    job: _Job
    index: int
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    best: list[tuple[Array, Array]] = field(default_factory=list)
    stopped: bool = False

    def script(self) -> Script | None:
        """What the responder wants next."""
        if self.job.request.responder is None:
            return None
        wish = self.job.request.responder(self.tokens)
        return None if wish is None else Script(wish[0], min(max(wish[1], 0.0), 1.0))

    def accept(self, token: int, logprob: float, best: tuple[Array, Array] | None) -> bool:
        """Append a token; whether the answer is complete."""
        request = self.job.request
        self.tokens.append(token)
        self.logprobs.append(logprob)
        if best is not None:
            self.best.append(best)
        self.stopped = token in request.stop_ids or (request.stop_text is not None and request.stop_text(self.tokens))
        if not self.stopped and len(self.tokens) < request.limit:
            return False
        self.job.unfinished -= 1
        return True

    def result(self) -> SampledSequence:
        k = self.job.request.topk_sample_logprobs
        return SampledSequence(
            tokens=np.array(self.tokens, np.int32),
            logprobs=np.array(self.logprobs, np.float32),
            stop_reason="stop" if self.stopped else "length",
            topk=ranked(self.best, k) if k else None,
        )
