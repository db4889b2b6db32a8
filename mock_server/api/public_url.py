"""Where clients find this server: what an address that is handed out begins with."""

import re
from typing import Final

from starlette.requests import Request

_HOST: Final = re.compile(r"[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?", re.ASCII)
_PREFIX: Final = re.compile(r"(/[A-Za-z0-9._~-]+)*/?", re.ASCII)


def public_url(request: Request, configured: str | None) -> str:
    """The configured address, or else the one that the request came to: as a proxy tells it, or by its Host."""
    if configured is not None:
        return configured.rstrip("/")
    scheme = _forwarded(request, "proto")
    host = _forwarded(request, "host") or request.headers.get("host", "")
    prefix = _forwarded(request, "prefix")
    if scheme not in {"http", "https"}:
        scheme = request.url.scheme
    if not _HOST.fullmatch(host):
        address, port = request.scope["server"]
        host = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    return f"{scheme}://{host}{prefix.rstrip('/') if _PREFIX.fullmatch(prefix) else ''}"


def _forwarded(request: Request, what: str) -> str:
    """What the first of the proxies on the way, the one next to the client, says."""
    return request.headers.get(f"x-forwarded-{what}", "").partition(",")[0].strip()
