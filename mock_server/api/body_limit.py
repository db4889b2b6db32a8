"""Refuses a request body beyond the limit before it is in memory."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mock_server.api.errors import BodyTooLarge, describe, error_response
from mock_server.head import header


class BodyLimit:
    """Pure ASGI, since it is on every request's path: a look at Content-Length, and a count only without one."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = header(scope, b"content-length")
        if declared is None:
            if scope["method"] in {"POST", "PUT", "PATCH"}:
                receive = self._counting(receive)
        elif not (declared.isascii() and declared.isdigit()) or int(declared) > self._limit:
            await error_response(*describe(self._too_large(f"has {declared} bytes")))(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _counting(self, receive: Receive) -> Receive:
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._limit:
                raise self._too_large(f"has more than {received} bytes")
            return message

        return counted

    def _too_large(self, what: str) -> BodyTooLarge:
        return BodyTooLarge(
            f"the request body {what}, the limit is {self._limit}: send smaller batches, or raise max_body_bytes"
        )
