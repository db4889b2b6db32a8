"""Requests that no client library would send: targets left as they are, any bytes in headers, lengths that lie."""

from __future__ import annotations

import http.client
from time import monotonic
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from contracts.exchange import Exchange, Request, Response, headers
from contracts.verdicts import Violation

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECONDS: Final = 15.0


def sent_raw(
    base_url: str,
    method: str,
    target: str,
    fields: Mapping[str, bytes],
    body: bytes = b"",
    *,
    announced: int | None = None,
) -> Exchange:
    """The exchange. target: behind the base URL, as it goes on the wire. announced: the Content-Length, if it lies.

    Violation: the server closes the connection, or says nothing for 15 seconds.
    """
    parts = urlsplit(base_url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=_SECONDS)
    path = parts.path.rstrip("/") + target
    shown = {name.lower(): value.decode("latin-1") for name, value in fields.items()}
    request, began = Request(method, path, headers=shown, body=body), monotonic()
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in fields.items():
            connection.putheader(name, value)
        connection.putheader("content-length", str(len(body) if announced is None else announced))
        connection.endheaders(body or None)
        answer = connection.getresponse()
        response = Response(answer.status, headers(answer.getheaders()), answer.read())
    except (OSError, http.client.HTTPException) as error:
        nothing = Exchange(0, request, None, began, monotonic())
        raise Violation(f"no answer ({type(error).__name__}: {error})", nothing) from error
    finally:
        connection.close()
    return Exchange(0, request, response, began, monotonic())
