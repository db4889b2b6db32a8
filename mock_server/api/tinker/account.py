"""Who is calling: keys exchanged for tokens, and what is known of a key."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from mock_server.api.call import TenantCall
from mock_server.api.json_route import JsonRoute
from mock_server.api.tinker.answers import json_response, no_content
from mock_server.api.tinker.prefix import PREFIX
from mock_server.domain import tokens

router = APIRouter(prefix=PREFIX, tags=["account"], route_class=JsonRoute)


@router.post("/auth/token")
async def exchange_token(call: TenantCall) -> Response:
    """A signed token for the key's tenant, which the SDK sends instead of the key where pjwt_auth_enabled says so."""
    store = call.runtime.store
    return json_response({"jwt": tokens.issue(call.tenant, store.secret, call.now)})


@router.delete("/auth/apikey/me", status_code=204)
async def delete_key(call: TenantCall) -> Response:
    """Refuse the caller's key from now on. What its tenant owns stays; only what it published can be reached still."""
    await call.runtime.delete_key(call.tenant)
    return no_content()


@router.get("/auth/apikey/me")
async def describe_key(call: TenantCall) -> Response:
    """What the CLI shows of a key. There are no accounts here: the tenant is all there is to know."""
    return json_response(
        {
            "key_id": key_id_of(call.tenant),
            "name": call.tenant,
            "note": "any key that begins with tml- is a tenant of its own on this server",
            "details": details_of(call.tenant),
        }
    )


def key_id_of(tenant: str) -> int:
    """A number for a key, below 2**63."""
    return int(tenant, 16) >> 1


def details_of(tenant: str) -> dict[str, Any]:
    """Whose a key is, as the CLI shows it."""
    return {"org_details": {"name": "tinker-mock"}, "user_details": {"email": f"{tenant}@localhost"}}
