"""Idempotency keys and counted attempts."""

from __future__ import annotations

from contracts.observer.case import HOLDS, Broken, Case, Found, observed, unless


@observed("idempotency-key-is-there", "C-IDEMPOTENCY")
def idempotency_key_is_there(case: Case) -> Found:
    """Whatever is no GET carries X-Idempotency-Key."""
    if case.facts.operation == "" or case.facts.request.method in {"GET", "HEAD", "OPTIONS"}:
        return None
    return unless(bool(case.facts.idempotency_key), "the request has no X-Idempotency-Key")


@observed("retry-keeps-its-key", "C-IDEMPOTENCY-STABLE")
def retry_keeps_its_key(case: Case) -> Found:
    """A counted retry has the idempotency key of its first attempt."""
    facts = case.facts
    if not facts.idempotency_key or facts.retry_count < 1:
        return None
    known = (facts.tenant, facts.idempotency_key) in case.history.attempts
    return unless(known, f"attempt {facts.retry_count} has an idempotency key that no attempt before it had")


@observed("new-call-new-key", "C-IDEMPOTENCY-FRESH")
def new_call_new_key(case: Case) -> Found:
    """An idempotency key stands for one request."""
    facts = case.facts
    if not facts.idempotency_key:
        return None
    before = case.history.attempts.get((facts.tenant, facts.idempotency_key))
    if before is None or before.facts_message == facts.message:
        return HOLDS
    return Broken(f"the idempotency key of another request ({before.exchange.request})", before.exchange)


@observed("retry-count-rises", "C-RETRY-COUNT")
def retry_count_rises(case: Case) -> Found:
    """The retry count rises by one with each attempt under one idempotency key."""
    facts = case.facts
    # copy_weights keeps its key over all attempts, and counts those of each round from 0 (SDK 0.38.0).
    if not facts.idempotency_key or facts.retry_count < 0 or facts.operation == "copy_weights":
        return None
    before = case.history.attempts.get((facts.tenant, facts.idempotency_key))
    if before is None or before.count < 0:
        return None
    ok = facts.retry_count == before.count + 1
    return unless(ok, f"retry count {facts.retry_count} after {before.count}", before.exchange)
