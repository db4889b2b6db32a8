"""Speaks with the control plane of a running server: for our commands and for tests."""

from __future__ import annotations

import json
import urllib.request
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlencode

PREFIX: Final = "/__admin"
_TIMEOUT_SECONDS: Final = 60.0


class AdminError(Exception):
    """Refused, or no answer (status None); the message is for the person who asked."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class AdminClient:
    """url: base URL of the server. token: its `admin_token`, where it has one. Every method raises AdminError."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = url.rstrip("/")
        self._token = token
        # The environment's proxy can't reach this machine's loopback.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(self, path: str, **query: object) -> Any:
        """The JSON of `GET /__admin{path}`; parameters that are None are left out."""
        return self.ask("GET", path, query=query)

    def ask(self, method: str, path: str, body: object = None, query: dict[str, object] | None = None) -> Any:
        """The JSON of an answer, None where it has no body."""
        content = self.raw(method, path, body, query)
        return json.loads(content) if content else None

    def raw(self, method: str, path: str, body: object = None, query: dict[str, object] | None = None) -> bytes:
        """The body of an answer as it is, such as an export's."""
        given = {name: value for name, value in (query or {}).items() if value is not None}
        address = f"{self.url}{PREFIX}{path}{'?' + urlencode(given) if given else ''}"
        headers = {"x-admin-token": self._token} if self._token is not None else {}
        content = None
        if body is not None:
            content, headers["content-type"] = json.dumps(body).encode(), "application/json"
        request = urllib.request.Request(address, content, headers, method=method)  # noqa: S310 - the user's own URL
        try:
            with self._opener.open(request, timeout=_TIMEOUT_SECONDS) as answer:
                found: bytes = answer.read()
        except HTTPError as refused:
            raise AdminError(_said(refused), refused.code) from refused
        except (OSError, HTTPException, ValueError) as error:
            why = getattr(error, "reason", None) or error
            raise AdminError(f"{self.url} does not answer ({why}): is the server running there?") from error
        return found


def _said(refused: HTTPError) -> str:
    """The message of an error body, or what else there is."""
    with refused:
        body = refused.read()
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    if isinstance(said, dict) and isinstance(said.get("detail"), str):
        return str(said["detail"])
    return f"the server answered {refused.code} {refused.reason}"
