"""Another status than the true one."""

import json
from email.utils import formatdate
from math import ceil
from time import time
from typing import Any, Literal

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
    retry_after: float | None = Field(default=None, ge=0, le=86_400, description="Seconds.")
    retry_after_as: Literal["seconds", "date", "milliseconds"] = Field(
        default="seconds", description="In Retry-After as a number or as a date, or in retry-after-ms."
    )
    json_body: Any = None
    text: str | None = None
    media_type: str = Field(default="text/html", description="Of `text`.")

    async def strike(self, exchange: Exchange) -> None:
        if self.text is not None:
            body, media_type = self.text.encode(), self.media_type
        else:
            media_type = "application/json"
            message = f"injected by the fault `status`: HTTP {self.status}"
            told = {"detail": message, "message": message, "error": "injected"}
            body = json.dumps(told if self.json_body is None else self.json_body).encode()
        given = [(name.lower(), value) for name, value in self.headers.items()]
        headers = [("content-type", media_type), *given, *self._retry_after()]
        exchange.answer = Answer.of(self.status, headers, b"" if self.status in {204, 304} else body)

    def _retry_after(self) -> list[tuple[str, str]]:
        if self.retry_after is None:
            return []
        match self.retry_after_as:
            case "seconds":
                return [("retry-after", f"{self.retry_after:g}")]
            case "date":  # by the machine's time: the client holds it against its own
                return [("retry-after", formatdate(ceil(time() + self.retry_after), usegmt=True))]
            case "milliseconds":
                return [("retry-after-ms", f"{1000 * self.retry_after:g}")]
