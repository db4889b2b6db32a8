"""What a route is given of its request: whose it is, and the parts of the server that it may use."""

from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Concatenate, ParamSpec, TypeVar

from fastapi import Depends, FastAPI, Request

from mock_server.api.errors import Unauthorized
from mock_server.domain.tenants import tenant_of, valid_key
from mock_server.domain.tokens import InvalidToken, tenant_of_token
from mock_server.head import header
from mock_server.runtime import Runtime
from mock_server.settings import Settings
from mock_server.store import Transaction

P = ParamSpec("P")
T = TypeVar("T")


class Call:
    """One request of one tenant."""

    __slots__ = ("request", "runtime", "tenant")

    def __init__(self, request: Request, tenant: str) -> None:
        self.request = request
        self.tenant = tenant
        self.runtime: Runtime = request.app.state.runtime

    @property
    def settings(self) -> Settings:
        settings: Settings = self.request.app.state.settings
        return settings

    @property
    def now(self) -> float:
        """Seconds since the epoch, UTC, by the tenant's clock."""
        return self.runtime.clocks.now(self.tenant)

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
    runtime: Runtime = request.app.state.runtime
    key = header(request.scope, b"x-api-key")
    if key is None:
        raise Unauthorized("the header X-API-Key is missing: send any key that begins with tml-, such as tml-local")
    if key.startswith("eyJ"):
        tenant = tenant_of_token(key, runtime.store.secret, runtime.clocks.now)
    elif valid_key(key):
        tenant = tenant_of(key)
    else:
        raise Unauthorized(
            "the header X-API-Key does not hold a key: send tml- and 1 to 252 letters, digits or _.-, such as tml-local"
        )
    if tenant in runtime.deleted_keys:
        raise Unauthorized("the key in X-API-Key was deleted by DELETE auth/apikey/me: send another one")
    return Call(request, tenant)


async def authenticated(request: Request) -> Call:
    """The same as a dependency, by which FastAPI knows that a route needs a key."""
    return authenticate(request)


def tenant_of_header(app: FastAPI, key: str) -> str | None:
    """Whose an X-API-Key header is, without a look at whether it may still be used; None for no key and no token."""
    runtime: Runtime = app.state.runtime
    return _tenant_of(runtime, key)


def tenant_of_credential(call: Call, credential: str | None) -> str | None:
    """Whose key or token this is, which came beside the caller's own; None for anything else, which opens nothing."""
    return None if credential is None else _tenant_of(call.runtime, credential)


def _tenant_of(runtime: Runtime, credential: str) -> str | None:
    if credential.startswith("eyJ"):
        with suppress(InvalidToken):
            return tenant_of_token(credential, runtime.store.secret, runtime.clocks.now)
        return None
    return tenant_of(credential) if valid_key(credential) else None


TenantCall = Annotated[Call, Depends(authenticated)]
