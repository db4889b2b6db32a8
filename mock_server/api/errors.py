"""One shape for every HTTP error, and the status that makes each client do the right thing.

The official SDK shows `detail`, Tinkex `message` and `category`, the Weaver SDK `error` (a code), `message` and
`retryable`; all of them need a JSON object. The SDK retries 408, 409, 429 and every 5xx for minutes, so these are kept
for what a retry can mend (docs/errors.md).
"""

import json
import logging
from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from mock_server.codec import Malformed
from mock_server.domain.catalogue import UnknownModel
from mock_server.domain.errors import Conflict, Forbidden, Gone, Invalid, NotFound
from mock_server.domain.tokens import InvalidToken
from mock_server.store import StorageUnavailable
from mock_server.store.artifacts import DamagedArtifact

log = logging.getLogger(__name__)


class Unauthorized(Exception):
    """No key, or one that can't be a key."""


class BodyTooLarge(HTTPException):
    """The request body is longer than the server takes. The framework lets no other error out of reading a body."""

    def __init__(self, message: str) -> None:
        super().__init__(413, message)


STATUS: Final[Mapping[type[Exception], tuple[int, str]]] = {
    Invalid: (400, "invalid_request"),
    Malformed: (400, "invalid_request"),
    InvalidToken: (401, "invalid_token"),
    Unauthorized: (401, "unauthorized"),
    Forbidden: (403, "forbidden"),
    NotFound: (404, "not_found"),
    UnknownModel: (404, "unknown_model"),
    Conflict: (409, "conflict"),
    Gone: (410, "gone"),
    # A full disk can be mended while the client retries; nothing of the request was kept.
    StorageUnavailable: (503, "storage_unavailable"),
    DamagedArtifact: (410, "damaged"),
}

HEADERS: Final[Mapping[str, Mapping[str, str]]] = {
    "storage_unavailable": {"Retry-After": "2"},
    # What makes the SDK exchange its key once more and repeat the request.
    "invalid_token": {"WWW-Authenticate": 'Bearer error="invalid_token"'},
}

CODES: Final = {
    400: "invalid_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "not_ready",
    413: "body_too_large",
    422: "validation_error",
}

LONGEST_MESSAGE: Final = 800  # characters


def error_response(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None, **more: object
) -> Response:
    """The body that all clients read. `category` is user where the caller can mend it (docs/errors.md)."""
    if len(message) > LONGEST_MESSAGE:
        # What a message repeats of the request may be long; what is wrong and what to do stand at its ends.
        half = LONGEST_MESSAGE // 2
        message = f"{message[:half]} ... {message[-half:]}"
    body = {
        "detail": message,
        "message": message,
        "error": code,
        "category": "server" if status >= 500 or code == "damaged" else "user",
        "retryable": status in {408, 409, 429} or status >= 500,
        **more,
    }
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(content, status, headers, "application/json")


def describe(error: Exception) -> tuple[int, str, str]:
    """(status, code, message) of an error that a rule, a door or the framework raised."""
    for kind in type(error).__mro__:
        if kind in STATUS:
            return *STATUS[kind], str(error)
    if isinstance(error, RequestValidationError):
        return 422, "validation_error", validation_message(list(error.errors()))
    if isinstance(error, HTTPException):
        return error.status_code, CODES.get(error.status_code, "http_error"), str(error.detail)
    raise error


def validation_message(errors: list[Any]) -> str:
    """What is wrong with a JSON body or a parameter: every field with its value, in one line."""
    return "; ".join(_fault(fault) for fault in errors[:8])


def install(app: FastAPI) -> None:
    """Answer every error of the app in this shape."""
    for kind in STATUS:
        app.add_exception_handler(kind, _known)
    app.add_exception_handler(RequestValidationError, _known)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _bug)


async def _known(request: Request, error: Exception) -> Response:
    status, code, message = describe(error)
    return error_response(status, code, message, HEADERS.get(code))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status, code, message = describe(error)
    if status == 404:
        message = f"{request.method} {request.url.path} does not exist: check the path"
    elif status == 405:
        message = f"{request.url.path} does not take {request.method}"
    return error_response(status, code, message, error.headers)


async def _bug(request: Request, error: Exception) -> Response:
    """Our own mistake: the client gets an id, the log explains it. Starlette raises the error again for the log."""
    error_id = uuid4().hex[:12]
    log.error("%s %s failed, error id %s", request.method, request.url.path, error_id, exc_info=error)
    message = f"internal error {error_id}: the server's log explains it under this id"
    return error_response(500, "internal_error", message, error_id=error_id)


def _fault(fault: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in fault["loc"] if part != "body") or "body"
    given = fault.get("input")
    value = "" if fault["type"] == "missing" or isinstance(given, dict) else f" (given {_shown(given)})"
    return f"{where}: {fault['msg']}{value}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
