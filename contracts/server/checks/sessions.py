"""Sessions: alive, finished, unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.verdicts import check

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
