"""Samples as a stream of server-sent events, which only Tinkex asks for."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from mock_server.api.call import Call, TenantCall
from mock_server.api.json_route import JsonRoute
from mock_server.api.tinker.bodies import Sample
from mock_server.api.tinker.prefix import PREFIX
from mock_server.api.tinker.sampling import sample_order
from mock_server.codec import sample_json
from mock_server.domain import samplers
from mock_server.domain.catalogue import CatalogueEntry
from mock_server.domain.errors import Gone
from mock_server.domain.tokenizers import texts
from mock_server.runtime import Pending

router = APIRouter(prefix=PREFIX, tags=["sampling"], route_class=JsonRoute)


@router.post("/stream_sample")
async def stream_sample(body: Sample, call: TenantCall) -> Response:
    """An event for each token, then one for the end of its sequence. The same operation as asample's.

    Samples are decoded in batches and told when they are whole, so the tokens of one arrive together.
    """
    sampler = await call.read(samplers.owned, body.sampling_session_id)
    entry = call.runtime.catalogue[sampler.base_model]
    request_id, _ = await call.runtime.sample(call.tenant, sampler.id, body.seq_id, sample_order(body))
    return StreamingResponse(_stream(call, request_id, entry), media_type="text/event-stream")


async def _stream(call: Call, request_id: str, entry: CatalogueEntry) -> AsyncIterator[str]:
    try:
        outcome = await call.runtime.poll(call.tenant, request_id, call.settings.poll_seconds)
    except Gone as gone:  # the answer has begun, so its status can't say so
        yield _event({"error": str(gone), "category": "user"})
        return
    if isinstance(outcome, Pending):
        yield _event({"error": "the sample is not ready yet: repeat the request with the same seq_id"})
    elif outcome.result is None:
        yield _event({"error": outcome.error or outcome.state, "category": outcome.error_category})
    else:
        for event in _events(json.loads(sample_json(outcome.result)), entry):
            yield _event(event)


def _events(result: dict[str, Any], entry: CatalogueEntry) -> Iterator[dict[str, Any]]:
    """`index` is the token's place in its sequence; several sequences follow one another."""
    for sequence in result["sequences"]:
        tokens = sequence["tokens"]
        logprobs = sequence["logprobs"] or [None] * len(tokens)
        for index, (token, text, logprob) in enumerate(zip(tokens, texts(entry, tokens), logprobs, strict=True)):
            yield {"token": text, "token_id": token, "index": index, "logprob": logprob}
        yield {"finish_reason": sequence["stop_reason"], "total_tokens": len(tokens)}


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, separators=(',', ':'))}\n\n"
