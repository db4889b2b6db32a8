"""One header of a request, looked up: half a dozen layers and doors ask for one, and each would search them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, overload

if TYPE_CHECKING:
    from starlette.types import Scope

_LOOKED_UP: Final = "tinker_mock.head"


@overload
def header(scope: Scope, name: bytes) -> str | None: ...
@overload
def header(scope: Scope, name: bytes, default: str) -> str: ...
def header(scope: Scope, name: bytes, default: str | None = None) -> str | None:
    """The value of a header, by its name in lower case; of several the first."""
    headers = scope["headers"]
    known = scope.get(_LOOKED_UP)
    # A layer may hand on other headers than came.
    if known is None or known[0] is not headers:
        known = scope[_LOOKED_UP] = headers, dict(reversed(headers))
    value: bytes | None = known[1].get(name)
    return default if value is None else value.decode("latin-1")
