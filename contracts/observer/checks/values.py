"""Values that have one form wherever they stand in an answer."""

from __future__ import annotations

import re
from typing import Final

from contracts.observer.case import Case, Found, observed, unless
from contracts.observer.facts import JSON
from contracts.observer.walk import values_of

_TIMES: Final = frozenset(
    {
        "created_at",
        "time",
        "last_request_time",
        "expires_at",
        "expires",
        "timestamp",
        "bucket_start",
        "bucket_end",
        "cost_data_through",
        "last_created_at",
    }
)
_AWARE: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_LOOKING: Final = frozenset(
    {
        "list_training_runs",
        "get_training_run",
        "list_checkpoints",
        "list_user_checkpoints",
        "external_weights_urls",
        "archive",
        "get_session",
        "sessions/search",
        "audit",
        "billing/usage/events",
        "billing/usage/checkpoints/current",
        "create_session",
        "create_model",
        "get_info",
    }
)


@observed("times-have-zones", "FORM-TIMES", on=_LOOKING, of_answers=True)
def times_have_zones(case: Case) -> Found:
    """Timestamps are RFC 3339 with a zone."""
    if not case.facts.accepted or case.response.media_type != JSON:
        return None
    bad = [t for t in values_of(case.facts.answer, _TIMES) if isinstance(t, str) and not _AWARE.fullmatch(t)]
    return unless(not bad, f"{bad[:3]}: write 2026-01-31T12:00:00Z, with the zone")


@observed("metadata-is-text", "FORM-METADATA", on=_LOOKING, of_answers=True)
def metadata_is_text(case: Case) -> Found:
    """user_metadata in an answer maps text to text."""
    given = [each for each in values_of(case.facts.answer, {"user_metadata"}) if each is not None]
    if not given:
        return None
    ok = all(isinstance(each, dict) and all(isinstance(value, str) for value in each.values()) for each in given)
    return unless(ok, f"user_metadata {given[0]!r:.100} holds more than text")
