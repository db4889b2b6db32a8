"""The environment variables that send a client program to this server, tokenizers included."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from mock_server.cli.failure import USAGE, fail
from mock_server.domain.tenants import tenant_of, valid_key

if TYPE_CHECKING:
    from collections.abc import Mapping

KeyOption = Annotated[str, typer.Option("--key", help="API key: any `tml-…`; each is a tenant of its own.")]


def client_variables(url: str, key: str, environ: Mapping[str, str]) -> dict[str, str]:
    """All variables for a client of the server at the URL; environ is the environment that they will join."""
    if not valid_key(key):
        fail(f"key {key!r}: a key is tml- and then letters, digits, '_', '.' or '-', 256 characters at most.", USAGE)
    tenant = tenant_of(key)
    hub_home = _cache_directory(environ) / "hf" / tenant
    return {
        "TINKER_BASE_URL": url,
        "TINKER_API_KEY": key,
        # Where `tinker auth login` of SDK 0.26 to 0.28 sends its user to.
        "TINKER_WORKOS_API_URL": f"{url}/login",
        # The tenant stands in the address, so that the server knows whose tokenizer it served.
        "HF_ENDPOINT": f"{url}/hf/{tenant}",
        # transformers caches our small tokenizers under the real models' names. In the user's own cache they would
        # be taken for the real ones ever after; HF_HUB_CACHE goes before HF_HOME, so both must lead away from it.
        "HF_HOME": str(hub_home),
        "HF_HUB_CACHE": str(hub_home / "hub"),
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    } | _around_proxies(url, environ)


def _around_proxies(url: str, environ: Mapping[str, str]) -> dict[str, str]:
    """A proxy can't reach this machine's loopback, but httpx would ask it to."""
    if not any(name.lower() in {"http_proxy", "all_proxy"} and value for name, value in environ.items()):
        return {}
    exempt = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    host = urlsplit(url).hostname or ""
    # Both spellings, since libraries differ in which of two they believe.
    return dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join(filter(None, (exempt, host))))


def _cache_directory(environ: Mapping[str, str]) -> Path:
    home = environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111  (never fails, Path.home may)
    return Path(home) / "tinker-mock"
