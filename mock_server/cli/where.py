"""The options by which a command is told where the server is."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

import typer

from mock_server.cli.failure import USAGE, fail

UrlOption = Annotated[str | None, typer.Option("--url", help="Base URL of the server, instead of --port.")]
PortOption = Annotated[
    int,
    typer.Option(
        "--port", envvar="TINKER_MOCK_PORT", min=1, max=65535, help="Port of the server, where it is on this machine."
    ),
]


def server_url(port: int, url: str | None) -> str:
    """The base URL of the server, without a slash at its end."""
    if url is None:
        return f"http://127.0.0.1:{port}"
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        fail(f"url {url!r} is none of a server: give one like http://127.0.0.1:8000.", USAGE)
    return url.rstrip("/")
