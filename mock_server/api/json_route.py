"""Routes that read JSON strictly and cost little.

FastAPI declares them and knows their parameters, but its general machinery for finding arguments (dependencies that
may be generators, forms, files) takes longer than everything else that a heartbeat does, so they find their own.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Self
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mock_server.api.call import authenticate, authenticated
from mock_server.codec import Malformed, json_object
from mock_server.head import header

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class JsonRequest(Request):
    """A request whose body must be one JSON object.

    Python's own reader would let NaN, lone surrogates and any depth pass, which neither a database nor an answer can
    hold.
    """

    @classmethod
    def of(cls, request: Request) -> Self:
        """The same request; its body can be read once only, so what is one stays the one."""
        return request if isinstance(request, cls) else cls(request.scope, request.receive)

    async def json(self) -> Any:
        content = await self.body()
        content_type = header(self.scope, b"content-type", "")
        if "json" not in content_type:
            message = f"is sent with content-type {content_type!r}: send JSON, with content-type application/json"
            raise RequestValidationError([{"type": "content_type", "loc": ("body",), "msg": message, "input": {}}])
        try:
            return json_object(content)
        except Malformed as malformed:
            raise HTTPException(400, str(malformed)) from malformed


class JsonRoute(APIRoute):
    """A route whose endpoint takes any of: `call: TenantCall`, `body: SomeModel`, `request: Request`, text from the
    path, and query parameters; and returns a Response.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        handle = self.get_route_handler()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            response = await handle(JsonRequest(scope, receive, send))
            await response(scope, receive, send)

        self.app = app

    def get_route_handler(self) -> Handler:
        endpoint, wanted = self.endpoint, self.dependant
        if wanted.header_params or wanted.cookie_params:
            raise TypeError(f"{self.path}: a JsonRoute takes headers from its request")
        if any(dependency.call is not authenticated for dependency in wanted.dependencies):
            raise TypeError(f"{self.path}: a JsonRoute takes no dependency but TenantCall")
        call_name = next((dependency.name for dependency in wanted.dependencies), None)
        body_name, model = self._body()
        request_name = wanted.request_param_name
        query = wanted.query_params

        async def handle(request: Request) -> Response:
            arguments: dict[str, Any] = dict(request.scope["path_params"])
            if call_name is not None:
                arguments[call_name] = authenticate(request)
            if query:
                arguments.update(_from_query(query, request.scope["query_string"]))
            if body_name is not None and model is not None:
                arguments[body_name] = _validated(model, await JsonRequest.of(request).json())
            if request_name is not None:
                arguments[request_name] = request
            response: Response = await endpoint(**arguments)
            return response

        return handle

    def _body(self) -> tuple[str | None, type[BaseModel] | None]:
        parameters = self.dependant.body_params
        if not parameters:
            return None, None
        model = parameters[0].field_info.annotation
        if len(parameters) > 1 or not (isinstance(model, type) and issubclass(model, BaseModel)):
            raise TypeError(f"{self.path}: a JsonRoute takes one body, a model")
        return parameters[0].name, model


def _validated(model: type[BaseModel], value: object) -> BaseModel:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors(include_url=False)]
        raise RequestValidationError(faults, body=value) from error


def _from_query(fields: list[Any], query_string: bytes) -> dict[str, Any]:
    """The declared parameters, from the query or their defaults. Of several values the last counts."""
    given = dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)) if query_string else {}
    values: dict[str, Any] = {}
    faults: list[Any] = []
    for field in fields:
        if field.alias in given:
            values[field.name], wrong = field.validate(given[field.alias], values, loc=("query", field.alias))
            faults.extend(wrong)
        elif field.field_info.is_required():
            faults.append({"type": "missing", "loc": ("query", field.alias), "msg": "Field required", "input": None})
        else:
            values[field.name] = field.get_default()
    if faults:
        raise RequestValidationError(faults)
    return values
