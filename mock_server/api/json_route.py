"""Routes that read JSON as strictly as whoever must store it."""

from collections.abc import Callable, Coroutine
from typing import Any, Self

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from mock_server.codec import Malformed, json_object


class JsonRequest(Request):
    """A request whose body must be one JSON object."""

    @classmethod
    def of(cls, request: Request) -> Self:
        """The same request; its body can be read once only, so what is one stays the one."""
        return request if isinstance(request, cls) else cls(request.scope, request.receive)

    async def json(self) -> Any:
        try:
            return json_object(await self.body())
        except Malformed as malformed:
            # The one kind of error that FastAPI lets pass here.
            raise HTTPException(400, str(malformed)) from malformed


class JsonRoute(APIRoute):
    """Python's own reader would let NaN, lone surrogates and any depth pass, which neither a database nor an answer
    can hold.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            return await handle(JsonRequest.of(request))

        return handle_json
