"""Answer bodies of the Tinker dialect.

The SDK validates strictly: a wrong type or a missing field is an error of the client's user. It ignores what it does
not know, and Tinkex wants a top-level `type`.
"""

from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json
from starlette.responses import Response

from mock_server.domain.metadata import strings
from mock_server.domain.paths import CheckpointPath, kind_of
from mock_server.domain.training_runs import RunSummary
from mock_server.store.tables import Checkpoint

CHECKPOINT_TYPES = {"weights": "training", "sampler_weights": "sampler", "external_weights": "external"}


def json_response(body: object, status: int = 200) -> Response:
    """The body as JSON, written by pydantic's serialiser: a page of a list takes it a sixth of what `json` needs."""
    return Response(to_json(body), status, media_type="application/json")


def no_content() -> Response:
    """What a method without a result answers."""
    return Response(status_code=204)


def future(request_id: str, model_id: str | None = None, sequence_ids: list[str] | None = None) -> Response:
    """A submission's answer: where the result will be. A sample's must name its sequences (since SDK 0.26)."""
    body: dict[str, Any] = {"request_id": request_id}
    if model_id is not None:
        body["model_id"] = model_id
    if sequence_ids is not None:
        body["sample_sequence_ids"] = sequence_ids
    return json_response(body)


def timestamp(seconds: float) -> str:
    """RFC 3339 with a time zone: the SDK compares it with an aware now."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def training_run(summary: RunSummary) -> dict[str, Any]:
    run = summary.run
    return {
        "training_run_id": run.id,
        "base_model": run.base_model,
        "model_owner": run.tenant,
        "is_lora": True,
        "lora_rank": run.rank,
        "corrupted": run.corrupted,
        "last_request_time": timestamp(run.last_request_at),
        "last_checkpoint": None if summary.last_checkpoint is None else checkpoint(summary.last_checkpoint),
        "last_sampler_checkpoint": (
            None if summary.last_sampler_checkpoint is None else checkpoint(summary.last_sampler_checkpoint)
        ),
        # What its owner wrote for itself is no part of what it published.
        "user_metadata": strings(run.user_metadata) if summary.is_own else None,
    }


def checkpoint(row: Checkpoint) -> dict[str, Any]:
    return {
        "checkpoint_id": f"{row.kind}/{row.name}",
        "checkpoint_type": CHECKPOINT_TYPES[row.kind],
        "time": timestamp(row.created_at),
        "tinker_path": str(CheckpointPath(row.training_run_id, kind_of(row.kind), row.name)),
        "size_bytes": row.size_bytes,
        "public": row.public,
        "user_metadata": strings(row.user_metadata),
        "expires_at": None if row.expires_at is None else timestamp(row.expires_at),
    }


def cursor(*, offset: int, limit: int, total: int) -> dict[str, int]:
    return {"offset": offset, "limit": limit, "total_count": total}
