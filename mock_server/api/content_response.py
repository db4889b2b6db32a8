"""A content as an HTTP answer: whole or one range of it, its head alone, or nothing new."""

from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from mock_server.api.byte_range import Unsatisfiable, requested_range
from mock_server.api.errors import error_response
from mock_server.domain.exports import Content

MEDIA_TYPES: Final = {"json": "application/json", "tar": "application/x-tar"}


def content_response(request: Request, content: Content, name: str) -> Response:
    """The content under that file name, as the request's method, Range, If-Range and If-None-Match ask for it.

    It is read while it is sent, no faster than the client takes it.
    """
    tag = f'"{content.identity.hex()}"'
    headers = {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private",
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    known = request.headers.get("if-none-match", "")
    if tag in known or known.strip() == "*":
        return Response(None, 304, headers)
    # A range of what the client has begun to load is of no use to it once that has changed.
    wanted = request.headers.get("range") if request.headers.get("if-range", tag) == tag else None
    status, start, stop = 200, 0, content.size
    try:
        span = requested_range(wanted, content.size)
    except Unsatisfiable:
        message = f"the range {wanted!r} begins beyond the end: {name} has {content.size} bytes"
        return error_response(416, "range_not_satisfiable", message, {"Content-Range": f"bytes */{content.size}"})
    if span is not None:
        status, start, stop = 206, span[0], span[1] + 1
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{content.size}"
    headers["Content-Length"] = str(stop - start)
    media_type = MEDIA_TYPES.get(name.rpartition(".")[2], "application/octet-stream")
    if request.method == "HEAD":
        return Response(None, status, headers, media_type)
    return StreamingResponse(_pieces(content, start, stop), status, headers, media_type)


async def _pieces(content: Content, start: int, stop: int) -> AsyncIterator[bytes]:
    # On the event loop, since a piece is copied faster than a thread is woken.
    for piece in content.read(start, stop):
        yield piece
