"""A plain reference client: one tenant of the judged server, which sends whatever it is told, right or wrong.

What it trains is a Run (runs.py), what it samples from a Sampler (samplers.py).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from contracts.recorded.caller import PREFIX, RESULT_SECONDS, Caller, GivenUp, NoAnswer
from contracts.verdicts import TooSlow, Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from contracts.exchange import Exchange, Response
    from contracts.server.target import Target

JSON: Final = "application/json"
LONGEST_CHECK: Final = 90.0
"""Seconds of one question, waiting included: beyond it the server counts as one that does not answer."""
AT_ONCE: Final = 4.0
"""Seconds: more than a loaded server needs, less than any long poll, or any wait for a number that does not come."""


def answer_of(exchange: Exchange) -> Response:
    """The answer. What `Tenant.send` returns has one."""
    assert exchange.response is not None
    return exchange.response


def object_of(exchange: Exchange) -> dict[str, Any]:
    """The JSON object of an answer. Violation: it is none."""
    value = answer_of(exchange).json
    if not isinstance(value, dict):
        raise Violation("the answer is no JSON object", exchange)
    return value


def header_names(given: Mapping[str, str]) -> dict[str, str]:
    """Headers that were given as keyword arguments, which have `_` where their names have `-`."""
    return {name.replace("_", "-"): value for name, value in given.items()}


class Tenant:
    """One key. Every method that expects something of the server raises Violation where it does not get it."""

    def __init__(
        self, target: Target, watch: Callable[[Exchange], None], *, key: str = "", seconds: float = LONGEST_CHECK
    ) -> None:
        self.target = target
        self._watch = watch
        self._last: Exchange | None = None
        self._caller = Caller(target.url, key or target.key(), seconds, self._seen)

    @property
    def key(self) -> str:
        return self._caller.key

    @property
    def last(self) -> tuple[Exchange, ...]:
        """The last exchange, as evidence."""
        return () if self._last is None else (self._last,)

    def close(self) -> None:
        self._caller.close()

    def _seen(self, exchange: Exchange) -> None:
        self._last = exchange
        self._watch(exchange)

    # What goes over the wire.

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Exchange:
        """Any request below /api/v1, or to a whole address; `body` goes as JSON. A header of value "" is left out.

        Violation: there is no answer.
        """
        sent = {"x-api-key": self.key, "accept": JSON}
        if content is None and body is not None:
            content, sent["content-type"] = json.dumps(body).encode(), JSON
        sent |= headers or {}
        url = path if path.startswith("http") else f"{PREFIX}{path}"
        try:
            self._caller.send(method, url, {name: value for name, value in sent.items() if value}, content)
        except (NoAnswer, GivenUp) as none:
            raise Violation(f"{method} {path}: {none}", *self.last) from none
        assert self._last is not None  # whoever is answered has been seen
        return self._last

    def get(self, path: str, /, **query: object) -> Exchange:
        """GET with these parameters."""
        return self.send("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, /, **fields: object) -> Exchange:
        """POST of a JSON object."""
        return self.send("POST", path, fields)

    # What is expected of it.

    def ok(self, exchange: Exchange) -> Any:
        """The JSON of an answer that must be 2xx (None where it has no body)."""
        response = answer_of(exchange)
        if not 200 <= response.status < 300:
            raise Violation(f"status {response.status} where 2xx was due: {response.body[:200]!r}", exchange)
        return response.json

    def refused(self, exchange: Exchange, *statuses: int) -> None:
        """The answer must have one of these statuses."""
        status = answer_of(exchange).status
        if status not in statuses:
            raise Violation(f"status {status} where {' or '.join(map(str, statuses))} was due", exchange)

    def field(self, exchange: Exchange, name: str) -> str:
        """A text of a 2xx answer's object."""
        value = self.ok(exchange)
        if not isinstance(value, dict) or not isinstance(value.get(name), str):
            raise Violation(f"the answer has no {name}", exchange)
        return str(value[name])

    def poll(self, request_id: str, *, accept: str = JSON, within: float = RESULT_SECONDS) -> Exchange:
        """The final answer of retrieve_future, success or failure, asked again for as long as it says "not yet"."""
        body = json.dumps({"request_id": request_id}).encode()
        try:
            self._caller.poll(body, {"x-api-key": self.key, "content-type": JSON, "accept": accept}, within=within)
        except (NoAnswer, GivenUp) as none:
            raise Violation(f"the result of {request_id}: {none}", *self.last) from none
        assert self._last is not None  # as in `send`
        return self._last

    def result(self, submitted: Exchange, *, within: float = RESULT_SECONDS) -> Any:
        """The JSON of a submission's success."""
        answer = self.poll(self.field(submitted, "request_id"), within=within)
        value = self.ok(answer)
        if isinstance(value, dict) and "error" in value:
            raise Violation(f"the operation failed: {str(value)[:200]}", submitted, answer)
        return value

    def prompt(self, exchange: Exchange, seconds: float = AT_ONCE) -> None:
        """The answer must have come within so many seconds."""
        if (took := exchange.ended - exchange.started) > seconds:
            raise TooSlow(f"answered after {took:.1f} s", exchange)

    def told(self, submitted: Exchange, name: str) -> str:
        """A text of a submission's result."""
        value = self.result(submitted)
        if not isinstance(value, dict) or not isinstance(value.get(name), str):
            raise Violation(f"the result has no {name}", submitted, *self.last)
        return str(value[name])

    def fails(self, submitted: Exchange, *statuses: int, category: str = "user") -> None:
        """The submission must be refused with one of these statuses, or fail with that category."""
        status = answer_of(submitted).status
        if status in statuses:
            return
        if not 200 <= status < 300:
            due = " or ".join(map(str, statuses))
            raise Violation(f"status {status} where {due}, or a failure, was due", submitted)
        answer = self.poll(self.field(submitted, "request_id"))
        value = self.ok(answer)
        if not isinstance(value, dict) or "error" not in value:
            raise Violation("it succeeded where it had to be refused or fail", submitted, answer)
        told = value["error"].get("category") if isinstance(value["error"], dict) else value.get("category")
        if told != category:
            raise Violation(f"it failed with category {told!r} where {category!r} was due", submitted, answer)

    # A life.

    def session(self, **fields: object) -> str:
        """A new session's id."""
        return self.field(self.post("/create_session", **{"tags": [], "sdk_version": "0.38.0"} | fields), "session_id")

    def base_model(self) -> str:
        """The model to train."""
        if self.target.base_model is not None:
            return self.target.base_model
        answer = self.get("/get_server_capabilities")
        models = self.ok(answer)
        try:
            return str(models["supported_models"][0]["model_name"])
        except (LookupError, TypeError):
            raise Violation("get_server_capabilities lists no model", answer) from None
