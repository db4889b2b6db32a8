"""How a client asks for results."""

from __future__ import annotations

from contracts.observer.case import HOLDS, Broken, Case, Found, observed, unless

_POLL = {"retrieve_future"}


@observed("no-hot-polling", "C-POLL-HOT", on=_POLL)
def no_hot_polling(case: Case) -> Found:
    """No result is asked for more than 20 times within a second."""
    polled = case.history.outcome(case.facts).polled
    if not case.facts.timed or len(polled) < 20:
        return None
    seconds = case.exchange.started - polled[-20]
    return unless(seconds >= 1, f"21 polls of one result within {seconds:.2f} s")


@observed("metadata-is-followed-by-payload", "C-POLL-METADATA", on=_POLL)
def metadata_is_followed_by_payload(case: Case) -> Found:
    """After complete_metadata the result itself is asked for."""
    if case.history.outcome(case.facts).last != "metadata":
        return None
    allowed = case.facts.body.get("allow_metadata_only")
    return unless(not allowed, "asks for the size again, which it was told: allow_metadata_only must be false now")


@observed("expired-is-not-polled", "C-POLL-EXPIRED", on=_POLL)
def expired_is_not_polled(case: Case) -> Found:
    """A result that is gone is not asked for again."""
    gone = case.history.outcome(case.facts).gone
    if gone is None:
        return HOLDS
    at_once = case.facts.timed and case.exchange.started < gone.ended
    return unless(at_once, "asks for a result that was gone (410)", gone)


@observed("cursor-was-told", "C-CURSOR", on={"retrieve_futures"})
def cursor_was_told(case: Case) -> Found:
    """prev_cursor is 0 or one that the server told."""
    cursor = case.facts.body.get("prev_cursor")
    if not isinstance(cursor, int):
        return None
    told = case.history.cursors.get((case.facts.tenant, str(case.facts.body.get("target"))), 0)
    return HOLDS if cursor <= told else Broken(f"prev_cursor {cursor}, but the server told none above {told}")
