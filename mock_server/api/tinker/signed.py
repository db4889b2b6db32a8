"""What all signed addresses have in common: how they are handed out, who reads by them, and that they only read.

A key that comes with such an address says nothing, not even that it is wrong: the address alone says who may.
"""

from typing import Final

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from mock_server.api.call import Call
from mock_server.api.public_url import public_url
from mock_server.api.tinker.prefix import PREFIX
from mock_server.domain import signed_urls
from mock_server.runtime import Runtime

_OTHERS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})


def signed_url(call: Call, path: str, expires: int) -> str:
    """The whole address of a path below the prefix, for the caller's tenant until `expires`, an epoch's seconds."""
    address = signed_urls.signed(f"{PREFIX}{path}", call.tenant, call.runtime.store.secret, expires)
    return public_url(call.request, call.settings.public_url) + address


def reader(request: Request) -> str:
    """The tenant in whose name the request's address may be read now. Raises UrlRefused."""
    runtime: Runtime = request.app.state.runtime
    return signed_urls.reader_of(request.scope["path"], request.query_params, runtime.store.secret, runtime.clocks.now)


def refuse_others(router: APIRouter, path: str, methods: set[str]) -> None:
    """Answer 403 where an address that was signed to be read by these methods is used with another one.

    Without a signature it is any path that does not take the method: 405.
    """
    allowed = ", ".join(sorted(methods))

    async def refuse(request: Request) -> Response:
        if "signature" not in request.query_params:
            raise HTTPException(405, headers={"Allow": allowed})
        raise signed_urls.UrlRefused(f"this address was signed for {allowed}, not for {request.method}")

    router.add_route(PREFIX + path, refuse, methods=sorted(_OTHERS - methods), include_in_schema=False)
