"""Sessions: alive, finished, unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.verdicts import Violation, check

if TYPE_CHECKING:
    from contracts.server.asking import Asker


@check("heartbeat-is-answered", requirement="SES-BEAT", kind="behaviour")
def heartbeat_is_answered(asker: Asker) -> None:
    """A heartbeat of a living session is answered with 2xx."""
    tenant = asker.tenant()
    tenant.ok(tenant.post("/session_heartbeat", session_id=tenant.session()))


@check("finished-session-is-gone", requirement="SES-BEAT-GONE", kind="behaviour")
def finished_session_is_gone(asker: Asker) -> None:
    """A heartbeat of a finished session is answered with 410."""
    tenant = asker.tenant()
    session_id = tenant.session()
    tenant.ok(tenant.post(f"/sessions/{session_id}/finish", reason={"type": "success"}))
    tenant.refused(tenant.post("/session_heartbeat", session_id=session_id), 410)


@check("heartbeat-of-nobody-is-refused", requirement="SES-BEAT-UNKNOWN", kind="behaviour")
def heartbeat_of_nobody_is_refused(asker: Asker) -> None:
    """A heartbeat of a session that never was is answered with 404 or 410."""
    tenant = asker.tenant()
    tenant.refused(tenant.post("/session_heartbeat", session_id="never-opened"), 404, 410)


@check("session-is-finished-twice", requirement="SES-FINISH", kind="behaviour")
def session_is_finished_twice(asker: Asker) -> None:
    """A session is finished with each reason, and a repetition is answered with 2xx too."""
    tenant = asker.tenant()
    for reason in ("success", "errored", "interrupted"):
        session_id = tenant.session()
        for _ in range(2):
            tenant.ok(tenant.post(f"/sessions/{session_id}/finish", reason={"type": reason}, detail=None))


@check("finishing-nothing-is-404", requirement="SES-FINISH-UNKNOWN", kind="behaviour")
def finishing_nothing_is_404(asker: Asker) -> None:
    """Finishing a session that never was is answered with 404."""
    tenant = asker.tenant()
    tenant.refused(tenant.post("/sessions/never-opened/finish", reason={"type": "success"}), 404)


@check("telemetry-needs-no-session", requirement="SES-TELEMETRY", kind="behaviour")
def telemetry_needs_no_session(asker: Asker) -> None:
    """Telemetry of a session, of none, and of an unknown kind is answered with {"status": "accepted"}."""
    tenant = asker.tenant()
    event = {"event_id": "e", "event_session_index": 0, "severity": "INFO", "timestamp": "2026-01-01T00:00:00Z"}
    for session_id in (tenant.session(), "sessionless-0123"):
        for kind in ("SESSION_START", "AN_EVENT_OF_THE_FUTURE"):
            fields = {"platform": "Linux", "sdk_version": "0.38.0", "session_id": session_id, "process_uuid": "p"}
            answer = tenant.post("/telemetry", events=[{"event": kind, **event}], **fields)
            if tenant.field(answer, "status") != "accepted":
                raise Violation("status is not accepted", answer)
