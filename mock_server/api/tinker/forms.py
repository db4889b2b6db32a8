"""The form of a future's answer, as `client_forms` chooses it for who asks; the outcome is the same for all."""

from fastapi import Request
from starlette.responses import Response

from mock_server.api.tinker.answers import json_response
from mock_server.api.tinker.client_forms import forms_of, takes_protobuf
from mock_server.codec import forward_backward_json, sample_json
from mock_server.domain.operations import Outcome
from mock_server.runtime import Pending

PROTOBUF = "application/x-protobuf"


def succeeded(request: Request, outcome: Outcome) -> Response:
    """Protobuf where Accept asks for it (SDK 0.25 and newer), else JSON."""
    assert outcome.result is not None
    assert outcome.result_type is not None
    if not outcome.result_type.startswith(PROTOBUF):
        return Response(outcome.result, media_type=outcome.result_type)
    if takes_protobuf(request):
        return Response(outcome.result, media_type=PROTOBUF)
    to_json = sample_json if outcome.result_type.endswith("SampleResponse") else forward_backward_json
    return Response(to_json(outcome.result), media_type="application/json")


def failed(request: Request, outcome: Outcome) -> Response:
    """A failure is a result: HTTP 200, so that no client mistakes it for a server to be asked again."""
    message = outcome.error or outcome.state
    category = outcome.error_category or "unknown"
    if forms_of(request).failure == "status":
        # Tinkex takes Python's form for a success; Python would print this map in place of the text.
        error = {"message": message, "category": category}
        return json_response({"status": "failed", "error": error, "category": category})
    return json_response({"error": message, "category": category})


def pending(request: Request, request_id: str, pending: Pending) -> Response:
    """Not yet."""
    body = {"type": "try_again", "request_id": request_id, "queue_state": pending.queue_state}
    if pending.reason is not None:
        body["queue_state_reason"] = pending.reason
    return json_response(body, forms_of(request).not_ready)
