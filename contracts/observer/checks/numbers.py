"""The numbers by which requests are counted."""

from __future__ import annotations

from contracts.observer.case import HOLDS, Broken, Case, Found, observed, unless
from contracts.observer.routes import TRAINING

_COUNTED = TRAINING | {"asample"}


@observed("seq-id-in-range", "C-SEQ-RANGE", on=_COUNTED)
def seq_id_in_range(case: Case) -> Found:
    """seq_ids of training begin at 1, those of sampling at 0."""
    if case.facts.number is None:
        return None
    counts, _, number = case.facts.number
    return unless(number >= (1 if counts == "run" else 0), f"seq_id {number} of a {counts}")


@observed("seq-id-not-reused", "C-SEQ-REUSE", on=_COUNTED)
def seq_id_not_reused(case: Case) -> Found:
    """A (target, seq_id) is used for one request only."""
    # A number of runs is used again after a creation that failed (Tinkex 0.4.0), whatever is then made.
    if case.facts.number is None or case.facts.number[0] == "runs":
        return None
    first = case.history.submission(case.facts)
    if first is None or first.digest == case.facts.digest:
        return HOLDS
    _, target, number = case.facts.number
    return Broken(f"seq_id {number} of {target} was used for another {first.operation} before", first.exchange)


@observed("seq-id-not-behind-a-result", "C-SEQ-ORDER", on=TRAINING)
def seq_id_not_behind_a_result(case: Case) -> Found:
    """No new seq_id lies below one whose result was told already."""
    if case.facts.number is None or case.facts.number[0] != "run" or not case.facts.timed:
        return None
    _, run, number = case.facts.number
    told, shown = case.history.told.get((case.facts.tenant, run), (0, None))
    if shown is None or number > told or case.history.submission(case.facts) is not None:
        return HOLDS
    late = shown.ended <= case.exchange.started
    return unless(not late, f"seq_id {number} comes after the result of {told}, so its turn is over", shown)
