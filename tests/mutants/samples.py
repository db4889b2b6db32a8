"""Servers that sample wrongly."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mock_server.domain import samplers
from mock_server.runtime.run_log import RunLog
from mock_server.runtime.sampler_keys import SamplerKeys
from mock_server.runtime.sampling import SamplingFloor
from tests.mutants.surgery import Answer, answers, mutant, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable


def _requests(**fields: Any) -> None:
    """Let the model be asked with these fields in place of the client's."""

    def change(request: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*args: Any) -> Any:
            asked, layout = request(*args)
            return replace(asked, **{name: value(asked) for name, value in fields.items()}), layout

        return changed

    wrapped(SamplingFloor, "_request", change)


def _results(change: Callable[[Any], Any]) -> None:
    """Let every sample tell `change(its result)`."""

    def changed(outcome: Callable[..., Any]) -> Callable[..., Any]:
        def outcomes(self: SamplingFloor, key: Any, asked: Any, result: Any) -> Any:
            return outcome(self, key, asked, result if isinstance(result, Exception) else change(result))

        return outcomes

    wrapped(SamplingFloor, "_outcome", changed)


@answers("POST /asample", killed_by=("samples-are-as-asked", "sequence-ids-match"))
def sample_without_sequence_ids(answer: Answer) -> None:
    """Does not name the sequences that it will sample, on which the SDK fails since 0.26."""
    answer.drop("sample_sequence_ids")


@answers("POST /asample", killed_by=("samples-are-as-asked", "sequence-ids-match"))
def one_sequence_id_for_all(answer: Answer) -> None:
    """Names only the first of the sequences that were asked for."""
    if answer.ok:
        answer.replace(sample_sequence_ids=answer.json["sample_sequence_ids"][:1])


@mutant(killed_by=("samples-are-as-asked", "as-many-sequences-as-asked"))
def one_sample_whatever_asked() -> None:
    """Returns one sequence, whatever num_samples says."""
    _requests(num_samples=lambda _: 1)


@mutant(killed_by=("samples-are-as-asked", "no-more-than-max-tokens"))
def a_token_too_many() -> None:
    """Samples one token more than max_tokens."""
    _requests(max_tokens=lambda asked: asked.max_tokens + 1)


@mutant(killed_by="stop-reason-is-true")
def stops_ignored() -> None:
    """Samples on behind a stop."""
    _requests(stop_ids=lambda _: frozenset(), stop_text=lambda _: None)


@mutant(killed_by="greedy-is-greedy")
def never_greedy() -> None:
    """Draws at temperature 0 as it does at 1."""
    _requests(temperature=lambda _: 1.0)


@mutant(killed_by="seed-decides-the-sample")
def seed_ignored() -> None:
    """Draws anew under the same seed."""
    seeds = iter(range(1 << 30))
    _requests(seed=lambda _: next(seeds))


@mutant(killed_by="prompt-has-its-logprobs")
def prompt_logprobs_forgotten() -> None:
    """Leaves out the prompt's log-probabilities that were asked for."""
    _requests(prompt_logprobs=lambda _: False)


@mutant(killed_by="logprobs-are-those-of-the-tokens")
def logprobs_of_another_model() -> None:
    """Tells log-probabilities that are not those of the tokens that it drew."""

    def change(result: Any) -> Any:
        sequences = [replace(each, logprobs=np.full_like(each.logprobs, -0.5)) for each in result.sequences]
        return replace(result, sequences=sequences)

    _results(change)


@mutant(killed_by="stop-reason-is-true")
def always_at_length() -> None:
    """Says of every sequence that it ended at its length."""
    _results(
        lambda result: replace(result, sequences=[replace(each, stop_reason="length") for each in result.sequences])
    )


@mutant(killed_by="sampler-keeps-its-weights")
def samples_the_base_model() -> None:
    """Samples from the base model, whatever was trained."""

    def base(key: Callable[..., Any]) -> Callable[..., Any]:
        async def keys(*args: Any) -> Any:
            return replace(await key(*args), artifact=None)

        return keys

    wrapped(SamplerKeys, "of", base)


@mutant(killed_by="sampler-keeps-its-weights")
def samples_the_latest() -> None:
    """Samples from the weights that were saved last, not from those of the sampler's own save."""
    latest: list[str] = []

    def remember(saved: Callable[..., Any]) -> Callable[..., Any]:
        def saves(self: RunLog, tx: Any, operation_id: str, path: Any, order: Any, file: Any, *rest: Any) -> Any:
            latest.append(file.id)
            return saved(self, tx, operation_id, path, order, file, *rest)

        return saves

    def newest(key: Callable[..., Any]) -> Callable[..., Any]:
        async def keys(*args: Any) -> Any:
            found = await key(*args)
            return replace(found, artifact=latest[-1]) if found.artifact and latest else found

        return keys

    wrapped(RunLog, "saved", remember)
    wrapped(SamplerKeys, "of", newest)


@answers("GET /samplers/[^/]+", killed_by="sampler-names-its-base")
def sampler_without_base_model(answer: Answer) -> None:
    """Describes a sampler without its base model."""
    answer.drop("base_model")


@answers("POST /create_sampling_session", killed_by="repeated-sampler-is-the-same")
def repeated_sampler_is_another(answer: Answer) -> None:
    """Names a sampler anew each time it is created."""
    if answer.ok:
        answer.replace(sampling_session_id=f"{answer.json['sampling_session_id']}.{next(_COUNTER)}")


_COUNTER = itertools.count()


@mutant(killed_by="two-counters-of-samplers")
def one_counter_of_samplers() -> None:
    """Takes the number of an unnamed save for that of a sampler that was created."""
    wrapped(
        samplers, "_made_as", lambda made: lambda tx, session_id, _, number: made(tx, session_id, "created", number)
    )


@answers("POST /asample", killed_by="unknown-sampler-draws-nothing")
def sample_of_nobody(answer: Answer) -> None:
    """Takes samples of samplers that are not there."""
    if answer.status == 404:
        answer.status, answer.json = 200, {"request_id": "r", "sample_sequence_ids": ["s"]}


@answers("POST /create_sampling_session", killed_by="unknown-checkpoint-makes-no-sampler")
def sampler_of_nothing(answer: Answer) -> None:
    """Makes samplers of checkpoints that are not there."""
    if answer.status == 404:
        answer.status, answer.json = 200, {"sampling_session_id": "a:sample:0"}


@answers("POST /asample", killed_by="impossible-parameters-are-refused")
def any_parameters(answer: Answer) -> None:
    """Takes sampling parameters that can't be."""
    if answer.status in {400, 422}:
        answer.status, answer.json = 200, {"request_id": "r", "sample_sequence_ids": ["s"]}


@answers("POST /join_sampling_session", killed_by="joined-clients-differ")
def joined_as_one(answer: Answer) -> None:
    """Gives all copies of a client the same numbers, so that one gets the other's samples."""
    if answer.ok:
        answer.replace(client_counter=1)


@answers("POST /stream_sample", killed_by="stream-tells-token-by-token")
def stream_breaks_off(answer: Answer) -> None:
    """Ends a stream without saying that the sequence has ended."""
    answer.body = b"".join(event for event in answer.body.splitlines(keepends=True) if b"finish_reason" not in event)
