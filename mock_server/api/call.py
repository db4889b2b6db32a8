"""What a route is given of its request: whose it is, and the parts of the server that it may use."""

from collections.abc import Callable
from typing import Annotated, Concatenate, ParamSpec, TypeVar

from fastapi import Depends, Request

from mock_server.api.errors import Unauthorized
from mock_server.domain.tenants import tenant_of, valid_key
from mock_server.domain.tokens import tenant_of_token
from mock_server.runtime import Runtime
from mock_server.settings import Settings
from mock_server.store import Transaction

P = ParamSpec("P")
T = TypeVar("T")


class Call:
    """One request of one tenant."""

    __slots__ = ("request", "runtime", "settings", "tenant")

    def __init__(self, request: Request, tenant: str) -> None:
        self.request = request
        self.tenant = tenant
        self.runtime: Runtime = request.app.state.runtime
        self.settings: Settings = request.app.state.settings

    async def read(
        self, rule: Callable[Concatenate[Transaction, str, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a rule that reads, for this tenant."""
        return await self.runtime.store.read(rule, self.tenant, *args, **kwargs)

    async def write(
        self, rule: Callable[Concatenate[Transaction, str, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a rule that writes, for this tenant; what it did is durable when this returns."""
        return await self.runtime.store.write(rule, self.tenant, *args, **kwargs)


def authenticate(request: Request) -> Call:
    """The call of the tenant whose key the request carries. Any `tml-` key is a tenant of its own."""
    key = request.headers.get("x-api-key")
    if key is None:
        raise Unauthorized("the header X-API-Key is missing: send any key that begins with tml-, such as tml-local")
    if key.startswith("eyJ"):
        runtime: Runtime = request.app.state.runtime
        return Call(request, tenant_of_token(key, runtime.store.secret, runtime.clock.now()))
    if not valid_key(key):
        raise Unauthorized(
            "the header X-API-Key does not hold a key: send tml- and 1 to 252 letters, digits or _.-, such as tml-local"
        )
    return Call(request, tenant_of(key))


async def authenticated(request: Request) -> Call:
    """The same as a dependency, by which FastAPI knows that a route needs a key."""
    return authenticate(request)


TenantCall = Annotated[Call, Depends(authenticated)]
