"""`tinker-mock healthcheck`: is the server answering? For container images, which then need no curl."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

import typer

from mock_server.cli.failure import fail
from mock_server.cli.where import PortOption, UrlOption, server_url

if TYPE_CHECKING:
    from types import FrameType

_DEADLINE_SECONDS: Final = 2


def healthcheck(*, port: PortOption = 8000, url: UrlOption = None) -> None:
    """Exit with 0 if the server answers within two seconds, with 1 if it does not."""
    # Needed here only, and not the cheapest.
    import urllib.request  # noqa: PLC0415
    from http.client import HTTPException  # noqa: PLC0415

    address = server_url(port, url) + "/api/v1/healthz"
    # urllib's own timeout counts for each read anew, so a server that drips would hold us for ever.
    signal.signal(signal.SIGALRM, _too_late)
    signal.setitimer(signal.ITIMER_REAL, _DEADLINE_SECONDS)
    try:
        # An empty ProxyHandler: the environment's proxy can't reach this machine's loopback.
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address) as answer:
            answer.read()
    except (OSError, HTTPException) as error:
        fail(f"{address}: {getattr(error, 'reason', None) or repr(error)}")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    typer.echo("ok")


def _too_late(signum: int, frame: FrameType | None) -> None:
    del signum, frame
    raise TimeoutError(f"no answer within {_DEADLINE_SECONDS} seconds")
