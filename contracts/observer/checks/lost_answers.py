"""What a client does when it does not know whether its request was taken."""

from __future__ import annotations

from contracts.observer.case import Case, Found, observed, unless
from contracts.observer.routes import TRAINING


@observed("lost-step-is-repeated", "C-RETRY-SEQ", on=TRAINING)
def lost_step_is_repeated(case: Case) -> Found:
    """A training request whose answer was lost is repeated under its seq_id, not under a new one."""
    return _repeated(case)


@observed("lost-sample-is-repeated", "C-RETRY-SEQ-SAMPLE", on={"asample"})
def lost_sample_is_repeated(case: Case) -> Found:
    """A sample whose answer was lost is repeated under its seq_id, not under a new one."""
    return _repeated(case)


def _repeated(case: Case) -> Found:
    facts = case.facts
    if facts.number is None or facts.number[0] == "runs":
        return None
    _, target, number = facts.number
    lost = case.history.lost.get((facts.tenant, target, facts.digest))
    if lost is None or lost.number is None or lost.lost is None or lost.accepted is not None:
        return None
    # Requests that were under way together may say the same and lose their answers independently.
    one_of_several = facts.timed and facts.exchange.started < lost.lost.ended
    return unless(
        number <= lost.number[2] or one_of_several,
        f"the same {facts.operation} goes out as {number}, but {lost.number[2]} may have been taken: repeat that",
        lost.lost,
    )
