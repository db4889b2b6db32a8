"""Samplers at work: the requests for the same weights are decoded together, so that a thousand at once cost little
more than the longest of them.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter

from mock_server.codec import SparseLayout, encode_sample, prompt_ids, target_prompt_ids
from mock_server.domain import ids
from mock_server.domain.catalogue import Catalogue, CatalogueEntry
from mock_server.domain.errors import Invalid
from mock_server.domain.operations import Body, Outcome
from mock_server.domain.orders import SampleOrder
from mock_server.domain.responders import as_next_token, respond
from mock_server.domain.tokenizers import stop_matcher
from mock_server.domain.usage import Account, Usage
from mock_server.runtime import results
from mock_server.runtime.base_models import base_model
from mock_server.runtime.board import LiveOperation
from mock_server.runtime.executor import Executor
from mock_server.runtime.failures import failure
from mock_server.store import Store, Transaction
from mock_server.toy_model import BaseModel, Decoder, SampleRequest, SampleResult, Weights

SAMPLE = "application/x-protobuf; message=SampleResponse"
SLICE_SECONDS = 0.01
"""How long a batch is decoded before training and newly arrived samples get their turn."""
KEPT_WEIGHTS = 64
KEPT_WEIGHTS_BYTES = 32 << 20
"""How many samplers' weights stay in memory; others are read again from their files."""


@dataclass(frozen=True, slots=True)
class WeightsKey:
    """What a sampler samples from: the weights in an artifact, or a base model's own."""

    base_model: str
    artifact: str | None
    prior_size: int | None


Source = Weights | BaseModel | bytes | Exception


@dataclass(frozen=True, slots=True)
class Running:
    """A request that is being decoded: in which layout it wants its prompt's scores, and how long the prompt is."""

    operation: LiveOperation
    layout: SparseLayout | None
    prompt_length: int


@dataclass
class Lane:
    """The requests for one set of weights."""

    arrivals: list[LiveOperation] = field(default_factory=list)
    cancelled: list[LiveOperation] = field(default_factory=list)
    weights: Weights | None = None
    decoder: Decoder | None = None
    running: dict[str, Running] = field(default_factory=dict)
    task: "asyncio.Task[None] | None" = None


class SamplingFloor:
    """All lanes, and the weights that they have read."""

    def __init__(
        self,
        executor: Executor,
        catalogue: Catalogue,
        store: Store,
        end: Callable[[LiveOperation, Outcome], None],
    ) -> None:
        self._executor = executor
        self._catalogue = catalogue
        self._store = store
        self._end = end
        self._lanes: dict[WeightsKey, Lane] = {}
        self._weights: OrderedDict[WeightsKey, Weights] = OrderedDict()

    def put(self, key: WeightsKey, operation: LiveOperation) -> None:
        lane = self._lanes.setdefault(key, Lane())
        lane.arrivals.append(operation)
        if lane.task is None:
            lane.task = asyncio.create_task(self._decode(key, lane))

    def cancel(self, operation: LiveOperation) -> None:
        """Stop decoding it, wherever it is."""
        for lane in self._lanes.values():
            lane.cancelled.append(operation)

    async def stop(self) -> None:
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _decode(self, key: WeightsKey, lane: Lane) -> None:
        """Decode slice by slice until nothing is left, then let the lane go."""
        try:
            while lane.arrivals or lane.running:
                arrivals, lane.arrivals = lane.arrivals, []
                cancelled, lane.cancelled = frozenset(lane.cancelled), []
                source = self._source(key) if lane.decoder is None else None
                for operation, outcome in await self._executor.run(
                    partial(self._slice, key, lane, arrivals, cancelled, source)
                ):
                    self._end(operation, outcome)
                if source is not None and lane.weights is not None:
                    self._keep(key, lane.weights)
        finally:
            del self._lanes[key]

    def _source(self, key: WeightsKey) -> Source:
        """What to sample from: weights in memory, the content of the sampler's artifact, or why it can't be read."""
        known = self._weights.get(key)
        if known is not None:
            return known
        try:
            if key.artifact is None:
                return base_model(self._catalogue[key.base_model], key.prior_size)
            return self._store.read_now(Transaction.read_artifact, key.artifact)
        except Exception as error:  # noqa: BLE001 - raised again where it fails the requests
            return error

    def _keep(self, key: WeightsKey, weights: Weights) -> None:
        self._weights[key] = weights
        self._weights.move_to_end(key)
        total = sum(each.nbytes for each in self._weights.values())
        while len(self._weights) > 1 and (len(self._weights) > KEPT_WEIGHTS or total > KEPT_WEIGHTS_BYTES):
            total -= self._weights.popitem(last=False)[1].nbytes

    # On the executor's thread.

    def _slice(
        self,
        key: WeightsKey,
        lane: Lane,
        arrivals: list[LiveOperation],
        cancelled: frozenset[LiveOperation],
        source: Source | None,
    ) -> list[tuple[LiveOperation, Outcome]]:
        """Take in what arrived, decode for a moment, and return what ended."""
        ended: list[tuple[LiveOperation, Outcome]] = []
        deadline = perf_counter() + SLICE_SECONDS
        try:
            if lane.decoder is None:
                assert source is not None
                lane.weights = _weights(source)
                lane.decoder = Decoder(lane.weights)
            self._withdraw(lane, cancelled)
            ended += self._admit(key, lane, [operation for operation in arrivals if operation not in cancelled])
            while not lane.decoder.idle:
                for operation_id, result in lane.decoder.step():
                    asked = lane.running.pop(str(operation_id))
                    ended.append((asked.operation, self._outcome(key, asked, result)))
                if perf_counter() > deadline:
                    break
        except Exception as error:  # noqa: BLE001 - a lane that can't go on fails its requests, and only those
            lost = [asked.operation for asked in lane.running.values()]
            lost += [operation for operation in arrivals if operation.id not in lane.running]
            answered = {operation.id for operation, _ in ended}
            ended += [(operation, failure(operation.id, error)) for operation in lost if operation.id not in answered]
            lane.running.clear()
            lane.decoder = None
        return ended

    def _withdraw(self, lane: Lane, cancelled: frozenset[LiveOperation]) -> None:
        assert lane.decoder is not None
        for running in [running for running in lane.running.values() if running.operation in cancelled]:
            lane.decoder.remove(running.operation.id)
            del lane.running[running.operation.id]

    def _admit(self, key: WeightsKey, lane: Lane, arrivals: list[LiveOperation]) -> list[tuple[LiveOperation, Outcome]]:
        assert lane.decoder is not None
        entry = self._catalogue[key.base_model]
        refused: list[tuple[LiveOperation, Outcome]] = []
        for operation in arrivals:
            body = operation.body
            if body is None:
                continue  # cancelled since this slice was put together
            try:
                if operation.interference is not None:
                    operation.interference.act()
                request, layout = self._request(entry, key, operation, body)
                lane.decoder.add(operation.id, request)
            except Exception as error:  # noqa: BLE001 - failure() tells a wrong request from a bug
                refused.append((operation, failure(operation.id, error)))
            else:
                lane.running[operation.id] = Running(operation, layout, len(request.prompt))
        return refused

    def _request(
        self, entry: CatalogueEntry, key: WeightsKey, operation: LiveOperation, body: Body
    ) -> tuple[SampleRequest, SparseLayout | None]:
        """What the model is asked, from what the client asked."""
        order = SampleOrder.model_validate_json(body.content)
        parameters = order.parameters
        prompt = prompt_ids(order.prompt)
        room = entry.max_context_length - len(prompt)
        if room < 0:
            raise Invalid(
                f"prompt has {len(prompt)} tokens, {entry.name} takes {entry.max_context_length}: give a shorter one"
            )
        seed = parameters.seed
        if seed is None:
            seed = ids.derived_seed(self._store.seed, f"sample/{operation.id}")
        targets, layout = None, None
        if order.target_prompt_logprobs is not None:
            targets, layout = target_prompt_ids(order.target_prompt_logprobs, max(len(prompt), 1))
        stops = parameters.stop
        # A base model ends its answer at end-of-text even when other stops are given: only an empty list says never.
        ending = () if stops == [] else base_model(entry, key.prior_size).end_of_text
        stop_ids = frozenset(ending).union(stop for stop in stops or () if isinstance(stop, int))
        texts = [stop for stop in stops or () if isinstance(stop, str)]
        scripted = None
        if entry.responders and key.prior_size is not None:  # scripts are written in the served tokenizer's ids
            answer = respond(entry, entry.responders, prompt.tolist())
            scripted = None if answer is None else as_next_token(answer)
        request = SampleRequest(
            prompt=prompt,
            num_samples=order.num_samples,
            max_tokens=room if parameters.max_tokens is None else min(parameters.max_tokens, room),
            temperature=parameters.temperature,
            top_k=parameters.top_k,
            top_p=parameters.top_p,
            seed=seed,
            stop_ids=stop_ids,
            stop_text=stop_matcher(entry, texts) if texts else None,
            prompt_logprobs=order.prompt_logprobs,
            topk_prompt_logprobs=order.topk_prompt_logprobs,
            topk_sample_logprobs=order.topk_sample_logprobs,
            prompt_alt_tokens_k=order.prompt_alt_tokens_k,
            target_prompt_logprobs=targets,
            prompt_logprobs_last_n=order.prompt_logprobs_last_n,
            responder=scripted,
        )
        return request, layout

    def _outcome(self, key: WeightsKey, asked: Running, result: SampleResult | Exception) -> Outcome:
        operation = asked.operation
        if isinstance(result, Exception):
            return failure(operation.id, result)
        account = Account(operation.tenant, ids.session_of(operation.target), key.base_model)
        sampled = sum(len(sequence.tokens) for sequence in result.sequences)
        usage = Usage(account, prefilled=asked.prompt_length, sampled=sampled)
        content = encode_sample(result, asked.layout)
        return results.succeeded(self._store.artifacts, operation.id, SAMPLE, content, usage)


def _weights(source: Source) -> Weights:
    match source:
        case Weights():
            return source
        case BaseModel():
            return Weights.of_base(source)
        case bytes():
            return Weights.load(source)
        case Exception():
            raise source
