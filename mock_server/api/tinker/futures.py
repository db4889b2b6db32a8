"""Futures: the results of operations, waited for one by one or for a whole sampler at once."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from mock_server.api.call import TenantCall
from mock_server.api.json_route import JsonRoute
from mock_server.api.tinker.answers import json_response, no_content
from mock_server.api.tinker.bodies import CancelFuture, RetrieveFuture, RetrieveFutures
from mock_server.api.tinker.forms import failed, pending, succeeded
from mock_server.api.tinker.prefix import PREFIX
from mock_server.domain import samplers
from mock_server.runtime import Pending

router = APIRouter(prefix=PREFIX, tags=["futures"], route_class=JsonRoute)


@router.post("/retrieve_future")
async def retrieve_future(body: RetrieveFuture, request: Request, call: TenantCall) -> Response:
    """The result of an operation, waited for up to `poll_seconds`. Failures are results too, never a 5xx."""
    outcome = await call.runtime.poll(call.tenant, body.request_id, call.settings.poll_seconds)
    if isinstance(outcome, Pending):
        return pending(request, body.request_id, outcome)
    return succeeded(request, outcome) if outcome.state == "succeeded" else failed(request, outcome)


@router.post("/retrieve_futures")
async def retrieve_futures(body: RetrieveFutures, call: TenantCall) -> Response:
    """What ended of a sampler's requests behind a cursor. `timeout` 0 only acknowledges."""
    target = body.target
    await call.read(samplers.owned, target.sampling_session_id)
    longest = call.settings.poll_seconds
    completions, cursor = await call.runtime.completions.poll(
        call.runtime.clocks.of(call.tenant),
        target.sampling_session_id,
        target.cloned_sampler_id,
        seen=body.prev_cursor,
        retrieved=body.retrieved_request_ids,
        seconds=longest if body.timeout is None else min(body.timeout, longest),
    )
    return json_response(
        {
            "completions": [
                {"state": "failed", "request_id": completion.operation_id}
                if completion.failed
                else {
                    "state": "finished",
                    "request_id": completion.operation_id,
                    "response_payload_uncompressed_size": completion.size,
                }
                for completion in completions
            ],
            "cursor": cursor,
        }
    )


@router.post("/cancel_future", status_code=204)
async def cancel_future(body: CancelFuture, call: TenantCall) -> Response:
    """Stop a sample that its client gave up. One that has ended stays as it ended."""
    await call.runtime.cancel(call.tenant, body.request_id)
    return no_content()
