"""Billing: what was used by the hour, and what is held now. True figures; there are no prices here."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from mock_server.api.call import TenantCall
from mock_server.api.json_route import JsonRoute
from mock_server.api.tinker.answers import json_response, timestamp
from mock_server.api.tinker.parameters import Moment
from mock_server.api.tinker.prefix import PREFIX
from mock_server.domain import checkpoints, usage
from mock_server.domain.metadata import strings
from mock_server.domain.tenants import owner_urn
from mock_server.domain.usage import GIGABYTE, HOUR, Event, Report

router = APIRouter(prefix=PREFIX, tags=["billing"], route_class=JsonRoute)


@router.get("/billing/usage/events")
async def get_billing_usage(call: TenantCall, starting_on: Moment, ending_before: Moment) -> Response:
    """Tokens, saves and storage of each hour, from one full hour up to another."""
    await _settle(call)
    report = await call.read(usage.report, starting_on=starting_on.timestamp(), ending_before=ending_before.timestamp())
    return json_response(
        {
            "data": [_event(event, report, call.tenant) for event in report.events],
            "sessions": {
                session_id: {"user_metadata": strings(metadata) or None}
                for session_id, (_, metadata) in report.sessions.items()
            },
            "cost_data_through": None,
        }
    )


@router.get("/billing/usage/checkpoints/current")
async def get_current_checkpoint_storage(call: TenantCall, project_id: str | None = None) -> Response:
    """How many checkpoints there are now and how many bytes they have, by project."""
    await _settle(call)
    held = await call.read(usage.held_by_project)
    return json_response(
        {
            "effective_rate_usd_per_gigabyte_month": None,
            "data": [
                {
                    "project_id": project,
                    "org_user_urn": owner_urn(call.tenant),
                    "user_email": None,
                    "user_name": None,
                    "checkpoint_count": each.checkpoints,
                    "size_bytes": each.size,
                    "size_gigabytes": each.size / GIGABYTE,
                    "estimated_monthly_cost_usd": None,
                }
                for project, each in sorted(held.items(), key=lambda item: item[0] or "")
                if project_id in {None, project}
            ],
        }
    )


async def _settle(call: TenantCall) -> None:
    """Let the figures be those of this moment: what has ended is written down, what has expired is gone."""
    await call.runtime.settle()
    await call.write(checkpoints.sweep)


def _event(event: Event, report: Report, tenant: str) -> dict[str, Any]:
    match event.kind:
        case "storage":
            info: dict[str, Any] = {"type": event.kind, "free": False, "gigabyte_hours": event.quantity}
        case "checkpoint":
            info = {"type": event.kind, "count": event.quantity}
        case "sampling_prefill":
            # The toy model has no prefix cache.
            info = {"type": event.kind, "cached": False, "token_count": event.quantity}
        case _:
            info = {"type": event.kind, "token_count": event.quantity}
    return {
        "bucket_start": timestamp(event.hour),
        "bucket_end": timestamp(event.hour + HOUR),
        "base_model": event.base_model,
        "user_id": owner_urn(tenant),
        "user_name": None,
        "session_id": event.session_id,
        "project_id": None if event.session_id is None else report.sessions[event.session_id][0],
        "estimated_cost_usd": None,
        "effective_rate_usd_per_million_tokens": None,
        "effective_rate_usd_per_gigabyte_month": None,
        "event_info": info,
    }
