"""Who may use the control plane: whoever sits at this machine, or has the token."""

import ipaddress
from hmac import compare_digest
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import APIKeyHeader

from mock_server.api.errors import Unauthorized
from mock_server.domain.errors import Forbidden
from mock_server.settings import Settings

PREFIX = "/__admin"
_TOKEN = APIKeyHeader(
    name="X-Admin-Token",
    scheme_name="admin_token",
    description="The server's admin_token, where it has one.",
    auto_error=False,
)


async def administrator(request: Request, given: Annotated[str | None, Security(_TOKEN)] = None) -> None:
    """Let in with the `admin_token` where one is set, else only from this machine. Forbidden or Unauthorized.

    A request that a proxy passed on comes from anywhere, wherever the proxy is.
    """
    settings: Settings = request.app.state.settings
    if settings.admin_token is not None:
        if not compare_digest((given or "").encode(), settings.admin_token.encode()):
            raise Unauthorized("the control plane needs the header X-Admin-Token: send the server's admin_token in it")
    elif not _from_this_machine(request):
        raise Forbidden(
            "the control plane answers only to this machine: set admin_token at the server and send it as X-Admin-Token"
        )


def _from_this_machine(request: Request) -> bool:
    if request.client is None or "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.client.host.partition("%")[0]).is_loopback
    except ValueError:
        return False
