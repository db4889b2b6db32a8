"""What is answered to who says the same again, or something else under the same number."""

from __future__ import annotations

from contracts.observer.case import HOLDS, Broken, Case, Found, observed, unless
from contracts.observer.routes import SUBMISSIONS


@observed("same-number-same-answer", "SEQ-ONCE", on=SUBMISSIONS, of_answers=True)
def same_number_same_answer(case: Case) -> Found:
    """A repeated submission gets the request id of the first one."""
    first = case.history.submission(case.facts)
    if first is None or first.accepted is None or first.digest != case.facts.digest or not case.facts.accepted:
        return None
    # A run that was created in vain may be created anew under its number (Tinkex 0.4.0).
    outcome = case.history.outcomes.get((case.facts.tenant, first.request_id))
    if case.facts.number is not None and case.facts.number[0] == "runs" and outcome and outcome.ending == "failed":
        return None
    same = case.facts.request_id == first.request_id
    return unless(same, f"request id {case.facts.request_id!r}, the first one was {first.request_id!r}", first.accepted)


@observed("number-stands-for-one-thing", "SEQ-CONFLICT", on=SUBMISSIONS, of_answers=True)
def number_stands_for_one_thing(case: Case) -> Found:
    """A (target, seq_id) that stands for one request is not taken for another one."""
    first = case.history.submission(case.facts)
    if first is None or first.accepted is None or first.accepted_digest == case.facts.digest:
        return None
    if case.facts.number is not None and case.facts.number[0] == "runs":
        return None
    if not case.facts.accepted:
        return HOLDS
    meant = case.spec.meaning(first.accepted) if first.accepted_meaning is None else first.accepted_meaning
    if meant == case.spec.meaning(case.exchange):
        return None
    return Broken("another request was accepted under this number before", first.accepted)


@observed("request-ids-differ", "SEQ-ID-UNIQUE", on=SUBMISSIONS, of_answers=True)
def request_ids_differ(case: Case) -> Found:
    """Different operations have different request ids."""
    facts = case.facts
    if not facts.request_id or facts.number is None:
        return None
    other = case.history.operations.get((facts.tenant, facts.request_id))
    if other is None or other.number == facts.number:
        return HOLDS
    return Broken(f"request id {facts.request_id!r} belongs to another {other.operation}", other.accepted)
