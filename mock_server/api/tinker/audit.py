"""The audit log, a day at a time."""

from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal

from fastapi import APIRouter
from starlette.responses import Response

from mock_server.api.call import TenantCall
from mock_server.api.json_route import JsonRoute
from mock_server.api.tinker.answers import json_response, timestamp
from mock_server.api.tinker.parameters import Day
from mock_server.api.tinker.prefix import PREFIX
from mock_server.domain import audit
from mock_server.store.tables import AuditEntry

router = APIRouter(prefix=PREFIX, tags=["audit"], route_class=JsonRoute)

EventType = Literal["all", "checkpoints", "projects", "sessions", "teams", "organizations"]


@router.get("/audit")
async def get_audit_log(call: TenantCall, event_type: EventType = "all", day: Day | None = None) -> Response:
    """What happened on a day, midnight to midnight UTC; without one, today."""
    day = day or datetime.fromtimestamp(call.now, UTC).date()
    first = datetime.combine(day, time(), UTC).timestamp()
    end = first + timedelta(days=1).total_seconds()
    await call.runtime.settle()
    entries = await call.read(audit.between, first, end, event_type)
    return json_response({"entries": [_entry(entry) for entry in entries]})


def _entry(entry: AuditEntry) -> dict[str, Any]:
    details = entry.details
    return {
        "timestamp": timestamp(entry.at),
        "event": entry.event,
        "event_details": details,
        # Deprecated, of checkpoint events only; clients before event_details read them.
        "model_id": details.get("training_run_id"),
        "tinker_path": details.get("tinker_path"),
        "purpose": details.get("purpose"),
    }
