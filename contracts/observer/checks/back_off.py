"""How long a client waits before it tries again, and when it gives up."""

from __future__ import annotations

from contracts.observer.case import Case, Found, observed, unless
from contracts.observer.history import Attempt
from contracts.observer.routes import POLLS, SUBMISSIONS

_TOLERANCE = 0.05
"""Clocks of client and observer tick differently, and a wait may be rounded."""
_LONGEST_HONOURED = 60
"""The SDK takes no Retry-After for serious that is longer."""
_REFUSALS = {400, 401, 403, 404, 422}


def _before(case: Case) -> Attempt | None:
    """The attempt that this one repeats, under the same idempotency key."""
    facts = case.facts
    if not facts.idempotency_key or facts.operation in POLLS:
        return None
    before = case.history.attempts.get((facts.tenant, facts.idempotency_key))
    return before if before is not None and before.facts_message == facts.message else None


@observed("retry-after-is-kept", "C-RETRY-AFTER")
def retry_after_is_kept(case: Case) -> Found:
    """A retry waits at least Retry-After."""
    before = _before(case)
    if before is None or not case.facts.timed or before.retry_after is None or before.operation == "asample":
        return None
    if not 0 < before.retry_after <= _LONGEST_HONOURED or before.status < 400:
        return None
    waited = case.exchange.started - before.exchange.ended
    return unless(
        waited >= before.retry_after - _TOLERANCE,
        f"tried again after {waited:.2f} s, Retry-After was {before.retry_after:g} s",
        before.exchange,
    )


@observed("retries-back-off", "C-BACKOFF")
def retries_back_off(case: Case) -> Found:
    """A retry waits at least a quarter of a second."""
    before = _before(case)
    if before is None or not case.facts.timed or before.retry_after is not None:
        return None
    if before.status not in {0, 409, 429} and before.status < 500:
        return None
    waited = case.exchange.started - before.exchange.ended
    met = before.status or "no answer"
    return unless(waited >= 0.25 - _TOLERANCE, f"tried again {waited:.3f} s after {met}", before.exchange)


@observed("refusal-is-accepted", "C-RETRY-REFUSED")
def refusal_is_accepted(case: Case) -> Found:
    """What was refused for good is not repeated."""
    before = _before(case)
    if before is None or before.status not in _REFUSALS or not before.vetoed:
        return None
    answer = before.exchange.response
    # An empty 400 comes from a proxy in between, and an expired token is renewed.
    if answer is None or not answer.body or "invalid_token" in answer.headers.get("www-authenticate", ""):
        return None
    return unless(False, f"the same request again after {before.status}", before.exchange)


@observed("retries-end", "C-RETRY-BOUND", on=SUBMISSIONS)
def retries_end(case: Case) -> Found:
    """A submission that meets nothing but 5xx is given up after at most 100 attempts."""
    first = case.history.submission(case.facts)
    if first is None:
        return None
    return unless(first.failures < 100, f"attempt {first.failures + 1} after nothing but failures", first.exchange)


@observed("conflict-is-no-loop", "C-NO-409-LOOP", on=SUBMISSIONS)
def conflict_is_no_loop(case: Case) -> Found:
    """A conflict is not repeated more than 60 times."""
    first = case.history.submission(case.facts)
    if first is None:
        return None
    return unless(first.conflicts <= 60, f"again after {first.conflicts} conflicts", first.exchange)
