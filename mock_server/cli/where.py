"""The options by which a command is told where the server is."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlsplit

import typer

from mock_server.cli.failure import USAGE, fail

DEFAULT_URL: Final = "http://127.0.0.1:8000"

UrlOption = Annotated[str | None, typer.Option("--url", help="Base URL of the server, instead of --port.")]
PortOption = Annotated[
    int,
    typer.Option(
        "--port", envvar="TINKER_MOCK_PORT", min=1, max=65535, help="Port of the server, where it is on this machine."
    ),
]


def server_url(port: int, url: str | None) -> str:
    """The base URL of the server, without a slash at its end."""
    return f"http://127.0.0.1:{port}" if url is None else base_url(url)


def base_url(url: str) -> str:
    """The same of a URL that was given; ends the command where it is none of a server."""
    if not _is_of_a_server(url):
        fail(f"url {url!r} is none of a server: give one like {DEFAULT_URL}.", USAGE)
    return url.rstrip("/")


def _is_of_a_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # such as http://[
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.query and not parts.fragment
