"""What results hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from contracts.observer.case import Case, Found, observed, unless
from contracts.observer.protobuf import fields
from contracts.observer.routes import SAVES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

T = TypeVar("T")
_BATCHES: Final = {"forward", "forward_backward"}
_POLL: Final = {"retrieve_future"}
_REDUCTIONS: Final = {"mean", "sum", "min", "max", "slack", "hash2", "unique", "hash_unordered"}
_KIND: Final = {
    "save_weights": "weights",
    "save_weights_for_sampler": "sampler_weights",
    "save_weights_external": "external_weights",
}


def _told(case: Case, operations: Collection[str]) -> bool:
    """Whether the answer is the whole result of one of these operations."""
    submission = case.history.polled(case.facts)
    is_result = case.facts.ending == "succeeded" and case.response.whole
    return is_result and submission is not None and submission.operation in operations


def _readable(read: Callable[[Case], T]) -> Callable[[Case], T | None]:
    """None for a result that is not what its form says: other checks name that, and its values mean nothing."""

    def read_or_none(case: Case) -> T | None:
        try:
            return read(case)
        except (ValueError, TypeError, AttributeError):
            return None

    return read_or_none


@_readable
def _metrics(case: Case) -> list[str] | None:
    """The names of a batch's metrics; None for other answers."""
    if not _told(case, _BATCHES):
        return None
    if not case.facts.answers_protobuf:
        metrics = case.facts.answer.get("metrics")
        return list(metrics) if isinstance(metrics, dict) else None
    body = case.response.body
    entries = [field.bytes_of(body) for field in fields(body) if field.number == 3]
    return [key.bytes_of(entry).decode() for entry in entries for key in fields(entry) if key.number == 1]


@_readable
def _outputs(case: Case) -> int | None:
    """How many data a batch's result is about; None for other answers."""
    if _metrics(case) is None:
        return None
    if not case.facts.answers_protobuf:
        return len(case.facts.answer.get("loss_fn_outputs") or ())
    body = case.response.body
    batches = [field.bytes_of(body) for field in fields(body) if field.number == 2]
    return sum(field.value for batch in batches for field in fields(batch) if field.number == 3)


@observed("metric-keys-have-one-colon", "TRN-METRIC-KEYS", on=_POLL, of_answers=True)
def metric_keys_have_one_colon(case: Case) -> Found:
    """Each metric of forward_backward is called name:reduction, with exactly one colon."""
    names = _metrics(case)
    if not names:
        return None
    bad = [name for name in names if name.count(":") != 1]
    return unless(not bad, f"metrics {bad}, on which the SDK raises")


@observed("metric-reductions-are-known", "TRN-METRIC-REDUCTIONS", on=_POLL, of_answers=True)
def metric_reductions_are_known(case: Case) -> Found:
    """The reduction of a metric is one that clients know."""
    names = _metrics(case)
    if not names:
        return None
    bad = [name for name in names if name.rpartition(":")[2] not in _REDUCTIONS]
    return unless(not bad, f"metrics {bad}, which clients drop")


@observed("one-output-a-datum", "TRN-DATUM-COUNT", on=_POLL, of_answers=True)
def one_output_a_datum(case: Case) -> Found:
    """A result of forward_backward has one output for each datum."""
    submission, outputs = case.history.polled(case.facts), _outputs(case)
    if outputs is None or submission is None or submission.data_count is None:
        return None
    return unless(outputs == submission.data_count, f"{outputs} outputs for {submission.data_count} data")


@_readable
def _sequences(case: Case) -> list[tuple[int, int | None]] | None:
    """Of each sampled sequence how many tokens and how many log-probabilities it has; None for other answers."""
    if not _told(case, {"asample"}):
        return None
    if not case.facts.answers_protobuf:
        given = case.facts.answer.get("sequences") or ()
        return [
            (len(each.get("tokens") or ()), None if each.get("logprobs") is None else len(each["logprobs"]))
            for each in given
        ]
    body, found = case.response.body, []
    for sequence in (field.bytes_of(body) for field in fields(body) if field.number == 1):
        sizes = {field.number: field.end - field.content for field in fields(sequence)}
        found.append((sizes.get(2, 0) // 4, sizes[3] // 4 if sizes.get(3) else None))
    return found


@observed("as-many-sequences-as-asked", "SAM-COUNT", on=_POLL, of_answers=True)
def as_many_sequences_as_asked(case: Case) -> Found:
    """A result has as many sequences as were asked for."""
    sequences, submission = _sequences(case), case.history.polled(case.facts)
    if sequences is None or submission is None:
        return None
    asked = submission.body.get("num_samples") or 1
    return unless(len(sequences) == asked, f"{len(sequences)} sequences, {asked} were asked for")


@observed("logprobs-fit-tokens", "SAM-LOGPROBS", on=_POLL, of_answers=True)
def logprobs_fit_tokens(case: Case) -> Found:
    """A sequence has a log-probability for each token."""
    sequences = _sequences(case)
    if not sequences:
        return None
    bad = [(tokens, logprobs) for tokens, logprobs in sequences if logprobs not in {None, tokens}]
    return unless(not bad, f"{bad[:1]} tokens and log-probabilities")


@observed("no-more-than-max-tokens", "SAM-MAX-TOKENS", on=_POLL, of_answers=True)
def no_more_than_max_tokens(case: Case) -> Found:
    """No sequence is longer than max_tokens."""
    sequences, submission = _sequences(case), case.history.polled(case.facts)
    limit = (submission.body.get("sampling_params") or {}).get("max_tokens") if submission is not None else None
    if sequences is None or not isinstance(limit, int):
        return None
    longest = max((tokens for tokens, _ in sequences), default=0)
    return unless(longest <= limit, f"{longest} tokens with max_tokens {limit}")


@observed("saved-path-has-its-form", "CKP-PATH", on=_POLL, of_answers=True)
def saved_path_has_its_form(case: Case) -> Found:
    """A save answers tinker://run/kind/name."""
    submission = case.history.polled(case.facts)
    if case.facts.ending != "succeeded" or submission is None or submission.operation not in SAVES:
        return None
    name = submission.body.get("path")
    if not isinstance(name, str) or submission.number is None:
        return None
    expected = f"tinker://{submission.number[1]}/{_KIND[submission.operation]}/{name}"
    said = case.facts.answer.get("path")
    return unless(said == expected, f"path {said!r} of a save that makes {expected!r}")


@observed("unnamed-save-makes-a-sampler", "CKP-EPHEMERAL", on=_POLL, of_answers=True)
def unnamed_save_makes_a_sampler(case: Case) -> Found:
    """A save for the sampler under the number of a sampling session and no name answers a sampling_session_id."""
    submission = case.history.polled(case.facts)
    if case.facts.ending != "succeeded" or submission is None or submission.operation != "save_weights_for_sampler":
        return None
    # With neither, the seq_id is the name.
    if submission.body.get("path") is not None or submission.body.get("sampling_session_seq_id") is None:
        return None
    return unless(bool(case.facts.answer.get("sampling_session_id")), "no sampling_session_id to sample on")


@observed("created-run-is-foretold", "CKP-VIA-LOAD", on=_POLL, of_answers=True)
def created_run_is_foretold(case: Case) -> Found:
    """load_weights into a new run makes session_id:train:model_seq_id."""
    submission = case.history.polled(case.facts)
    said = case.facts.answer.get("model_id")
    if submission is None or submission.operation != "load_weights" or submission.number is None:
        return None
    counts, session, number = submission.number
    if counts != "runs" or not isinstance(said, str):
        return None
    return unless(said == f"{session}:train:{number}", f"model_id {said!r}, clients expect {session}:train:{number}")
