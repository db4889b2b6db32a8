"""Another status than the true one."""

import json
from typing import Any

from pydantic import Field

from mock_server.faults.exchange import Answer, Exchange
from mock_server.faults.registry import Effect, fault


@fault("status", "before_handler", "after_commit")
class Status(Effect):
    """The answer is this status, with these headers and this body; after_commit, the work is already done.

    `json_body` or `text` is the body; without either it says what happened in the form of the API's errors.
    """

    status: int = Field(ge=200, le=599)
    headers: dict[str, str] = Field(default_factory=dict)
    json_body: Any = None
    text: str | None = None
    media_type: str = "text/html"

    async def strike(self, exchange: Exchange) -> None:
        if self.text is not None:
            body, media_type = self.text.encode(), self.media_type
        else:
            media_type = "application/json"
            message = f"injected by the fault `status`: HTTP {self.status}"
            told = {"detail": message, "message": message, "error": "injected"}
            body = json.dumps(told if self.json_body is None else self.json_body).encode()
        given = [(name.lower(), value) for name, value in self.headers.items()]
        exchange.answer = Answer(self.status, [("content-type", media_type), *given], body)
