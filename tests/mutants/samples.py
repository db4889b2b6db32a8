"""Servers that sample wrongly."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mock_server.runtime.run_log import RunLog
from mock_server.runtime.runtime import Runtime
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


@answers("POST /asample", killed_by="")
def sample_without_sequence_ids(answer: Answer) -> None:
    """Does not name the sequences that it will sample, on which the SDK fails since 0.26."""
    answer.drop("sample_sequence_ids")


@answers("POST /asample", killed_by="")
def one_sequence_id_for_all(answer: Answer) -> None:
    """Names only the first of the sequences that were asked for."""
    if answer.ok:
        answer.replace(sample_sequence_ids=answer.json["sample_sequence_ids"][:1])


@mutant(killed_by="")
def one_sample_whatever_asked() -> None:
    """Returns one sequence, whatever num_samples says."""
    _requests(num_samples=lambda _: 1)


@mutant(killed_by="")
def a_token_too_many() -> None:
    """Samples one token more than max_tokens."""
    _requests(max_tokens=lambda asked: asked.max_tokens + 1)


@mutant(killed_by="")
def stops_ignored() -> None:
    """Samples on behind a stop."""
    _requests(stop_ids=lambda _: frozenset(), stop_text=lambda _: None)


@mutant(killed_by="")
def never_greedy() -> None:
    """Draws at temperature 0 as it does at 1."""
    _requests(temperature=lambda _: 1.0)


@mutant(killed_by="")
def seed_ignored() -> None:
    """Draws anew under the same seed."""
    seeds = iter(range(1 << 30))
    _requests(seed=lambda _: next(seeds))


@mutant(killed_by="")
def prompt_logprobs_forgotten() -> None:
    """Leaves out the prompt's log-probabilities that were asked for."""
    _requests(prompt_logprobs=lambda _: False)


@mutant(killed_by="")
def logprobs_of_another_model() -> None:
    """Tells log-probabilities that are not those of the tokens that it drew."""

    def change(result: Any) -> Any:
        sequences = [replace(each, logprobs=np.full_like(each.logprobs, -0.5)) for each in result.sequences]
        return replace(result, sequences=sequences)

    _results(change)


@mutant(killed_by="")
def always_at_length() -> None:
    """Says of every sequence that it ended at its length."""
    _results(
        lambda result: replace(result, sequences=[replace(each, stop_reason="length") for each in result.sequences])
    )


@mutant(killed_by="")
def samples_the_base_model() -> None:
    """Samples from the base model, whatever was trained."""

    def base(key: Callable[..., Any]) -> Callable[..., Any]:
        async def keys(*args: Any) -> Any:
            return replace(await key(*args), artifact=None)

        return keys

    wrapped(Runtime, "_weights_key", base)


@mutant(killed_by="")
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
    wrapped(Runtime, "_weights_key", newest)


@answers("GET /samplers/[^/]+", killed_by="")
def sampler_without_base_model(answer: Answer) -> None:
    """Describes a sampler without its base model."""
    answer.drop("base_model")
