"""The beat of a session."""

from __future__ import annotations

from contracts.observer.case import HOLDS, Broken, Case, Found, observed, unless
from contracts.observer.history import Beat

_BEAT = {"session_heartbeat"}


def _last(case: Case) -> Beat | None:
    return case.history.beats.get((case.facts.tenant, str(case.facts.body.get("session_id"))))


@observed("heartbeat-stops-at-410", "C-BEAT-STOPS", on=_BEAT)
def heartbeat_stops_at_410(case: Case) -> Found:
    """No heartbeat follows a 410."""
    last = _last(case)
    if last is None or last.gone is None:
        return HOLDS
    return Broken("the session still beats although it is gone (410)", last.gone)


@observed("heartbeat-cadence", "C-BEAT-CADENCE", on=_BEAT)
def heartbeat_cadence(case: Case) -> Found:
    """Heartbeats of a session are between 1 and 60 seconds apart."""
    last = _last(case)
    if last is None or not case.facts.timed:
        return None
    seconds = case.exchange.started - last.started
    return unless(1 <= seconds <= 60, f"{seconds:.1f} s after the last heartbeat")
