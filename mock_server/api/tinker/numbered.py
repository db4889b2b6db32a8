"""Routes for the operations of a training run, which their client numbers."""

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from mock_server.api.call import authenticate
from mock_server.api.errors import describe
from mock_server.api.json_route import JsonRequest, JsonRoute
from mock_server.codec import Malformed, decompress, salvage_header
from mock_server.domain.errors import Invalid, Refused
from mock_server.domain.operations import Body
from mock_server.store import StorageUnavailable

log = logging.getLogger(__name__)


class NumberedRoute(JsonRoute):
    """A request that it refuses has used up its seq_id: the client goes on with the next one, and so must the run.

    Refusals that a client repeats under the same number (409, 503) have not, and neither have those that name no run
    of the caller's.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_numbered(given: Request) -> Response:
            request = JsonRequest.of(given)
            try:
                return await handle(request)
            except (Invalid, Malformed, RequestValidationError, HTTPException) as refusal:
                try:
                    await _consume_seq_id(request, refusal)
                except (Refused, Malformed, StorageUnavailable) as problem:
                    log.debug("no seq_id is used up by the refusal of %s: %s", request.url.path, problem)
                raise

        return handle_numbered


async def _consume_seq_id(request: Request, refusal: Exception) -> None:
    call = authenticate(request)
    content = await request.body()
    encoding = request.headers.get("content-encoding", "")
    content_type = request.headers.get("content-type", "")
    header = salvage_header(decompress(content, encoding, call.settings.max_body_bytes), content_type)
    if header is not None and header.seq_id is not None:
        body = Body.of(content_type, b"")
        await call.runtime.refuse(call.tenant, header.model_id, header.seq_id, body, describe(refusal)[2])
