"""`tinker auth login` as SDK 0.26 to 0.28 do it: a device grant (RFC 8628) at WorkOS, then a key from the Tinker API.

WorkOS is where TINKER_WORKOS_API_URL leads, and `tinker-mock env` leads it here. There are no accounts that anybody
could confirm, so a login is approved when it begins, and brings a new key, a tenant of its own. Newer releases ask
their user for a key instead; this is no part of the contract.
"""

from typing import Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from mock_server.api.errors import Unauthorized, error_response
from mock_server.api.public_url import public_url
from mock_server.api.tinker.account import details_of, key_id_of
from mock_server.api.tinker.answers import json_response
from mock_server.api.tinker.prefix import PREFIX
from mock_server.domain import logins, tokens
from mock_server.domain.tenants import tenant_of
from mock_server.runtime import Runtime

router = APIRouter(include_in_schema=False)

WORKOS: Final = "/login"
"""What stands in the place of WorkOS, below the server's address."""
_PAGE: Final = f"{WORKOS}/device"


@router.get("/api/unauthed/auth-config")
async def auth_config() -> Response:
    """Whom WorkOS should take this server's clients for."""
    return json_response({"clientId": "client_tinker_mock"})


@router.post(f"{WORKOS}/user_management/authorize/device")
async def authorize_device(request: Request) -> Response:
    """Begin a login. The device code is the later access token, since nothing happens between the two."""
    runtime: Runtime = request.app.state.runtime
    user = await runtime.store.write(logins.begin)
    code = f"{user[:4]}-{user[4:8]}".upper()
    page = public_url(request, request.app.state.settings.public_url) + _PAGE
    return json_response(
        {
            "device_code": tokens.issue(user, runtime.store.secret, runtime.clocks.now(user)),
            "user_code": code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={code}",
            "expires_in": tokens.LIFETIME_SECONDS,
            "interval": 1,
        }
    )


@router.get(_PAGE)
async def approve_device() -> Response:
    """What the browser shows that the command opens."""
    return PlainTextResponse("You are logged in: this server knows no accounts. Go back to your terminal.\n")


@router.post(f"{WORKOS}/user_management/authenticate")
async def authenticate_device(request: Request) -> Response:
    """The access token for a device code."""
    form = dict(parse_qsl((await request.body())[:8192].decode("latin-1")))
    try:
        _user_of(request, form.get("device_code", ""))
    except tokens.InvalidToken as invalid:
        return error_response(400, "invalid_grant", str(invalid))
    return json_response({"access_token": form["device_code"]})


@router.post(f"{PREFIX}/auth/apikey")
async def create_key(request: Request) -> Response:
    """The key of the user whose access token comes as `Authorization: Bearer`. A key itself makes no further keys."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        raise Unauthorized("the header Authorization has no access token: run tinker auth login, or use any tml- key")
    runtime: Runtime = request.app.state.runtime
    key = logins.key_of(_user_of(request, token), runtime.store.secret)
    tenant = tenant_of(key)
    return json_response({"api_key": key, "id": key_id_of(tenant), "details": details_of(tenant)})


def _user_of(request: Request, token: str) -> str:
    """Raises InvalidToken."""
    runtime: Runtime = request.app.state.runtime
    return tokens.tenant_of_token(token, runtime.store.secret, runtime.clocks.now)
