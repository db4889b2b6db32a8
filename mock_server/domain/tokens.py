"""Signed tokens (JWT, HS256) that stand for an API key for a while.

Written with hmac rather than a library, because they expire by their tenants' clocks, not by the machine's.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest, new
from typing import Any

from mock_server.domain.errors import Refused
from mock_server.domain.tenants import owner_urn

LIFETIME_SECONDS = 3600
"""The SDK exchanges its key again at about half of it."""


class InvalidToken(Refused):
    """Not a token of this server, or one whose time is over."""


def issue(tenant: str, secret: bytes, now: float) -> str:
    """A token for the tenant, with the claims that the SDK reads: exp, iat, sub, org_id, email."""
    claims = {
        "sub": owner_urn(tenant),
        "org_id": tenant,
        "email": f"{tenant}@localhost",
        "tenant": tenant,
        "iat": int(now),
        "exp": int(now) + LIFETIME_SECONDS,
    }
    signed = f"{_pack({'alg': 'HS256', 'typ': 'JWT'})}.{_pack(claims)}"
    return f"{signed}.{_signature(signed, secret)}"


def tenant_of_token(token: str, secret: bytes, now: Callable[[str], float]) -> str:
    """Whose token it is; InvalidToken where it was not signed here or has expired.

    now: what the time is for a tenant.
    """
    signed, _, signature = token.rpartition(".")
    # The signature covers the header too, so its algorithm can't be another one than ours. Compared as bytes, since
    # compare_digest raises for text that is not ASCII, and a header may hold any.
    genuine = compare_digest(_bytes(signature), _bytes(_signature(signed, secret)))
    if signed.count(".") != 1 or not genuine:
        raise InvalidToken("the token in X-API-Key was not issued by this server: exchange an API key at auth/token")
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(_padded(signed.partition(".")[2])))
    tenant = str(claims["tenant"])
    if claims["exp"] <= now(tenant):
        raise InvalidToken("the token in X-API-Key has expired: exchange the API key again at auth/token")
    return tenant


def _pack(value: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).rstrip(b"=").decode()


def _signature(signed: str, secret: bytes) -> str:
    digest = new(secret, _bytes(signed), sha256).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
