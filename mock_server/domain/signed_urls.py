"""Addresses that need no key: whoever has one may read one file, for a while.

Signed with hmac rather than a library, because they expire by their tenants' clocks, not by the machine's.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from hmac import compare_digest, new
from urllib.parse import quote, urlencode

from mock_server.domain.errors import Forbidden

LIFETIME_SECONDS = 900
"""What SDKs assume of an archive's address; the CLI asks again when less than 300 are left."""


class UrlRefused(Forbidden):
    """The address was not signed here, was signed for something else, or its time is over."""


def signed(path: str, tenant: str, secret: bytes, expires: int) -> str:
    """The path with the query that lets its reader in, as this tenant, until `expires` (seconds since the epoch)."""
    signature = _signature(path, tenant, str(expires), secret)
    query = urlencode({"tenant": tenant, "expires": expires, "signature": signature})
    return f"{quote(path, safe='/:@+=,~')}?{query}"


def reader_of(path: str, query: Mapping[str, str], secret: bytes, now: Callable[[str], float]) -> str:
    """The tenant in whose name the path may be read. Raises UrlRefused. now: what the time is for a tenant."""
    tenant, expires, signature = (query.get(name, "") for name in ("tenant", "expires", "signature"))
    if not signature:
        raise UrlRefused("this address carries no signature: ask for one at …/archive or …/external_weights_urls")
    expected = _signature(path, tenant, expires, secret)
    if not compare_digest(expected.encode(), signature.encode("utf-8", "surrogatepass")):
        raise UrlRefused("the signature belongs to another path, tenant or expiry, or is forged: ask for a new address")
    late = now(tenant) - int(expires)
    if late >= 0:
        raise UrlRefused(f"this address expired {late:.0f} seconds ago: ask for a new one")
    return tenant


def _signature(path: str, tenant: str, expires: str, secret: bytes) -> str:
    # The first line keeps what is signed here apart from the tokens, which are signed with the same secret.
    message = f"download\n{path}\n{tenant}\n{expires}"
    return new(secret, message.encode("utf-8", "surrogatepass"), sha256).hexdigest()
