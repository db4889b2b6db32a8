"""A plain reference client: one tenant of the judged server, which sends whatever it is told, right or wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from contracts.recorded.caller import PREFIX, Caller, GivenUp, NoAnswer
from contracts.verdicts import Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from contracts.exchange import Exchange
    from contracts.server.target import Target

JSON: Final = "application/json"
LONGEST_CHECK: Final = 90.0
"""Seconds of one question, waiting included: beyond it the server counts as one that does not answer."""


class Tenant:
    """One key. Every method that expects something of the server raises Violation where it does not get it."""

    def __init__(self, target: Target, watch: Callable[[Exchange], None], *, seconds: float = LONGEST_CHECK) -> None:
        self.target = target
        self._watch = watch
        self._last: Exchange | None = None
        self._caller = Caller(target.url, target.key(), seconds, self._seen)

    @property
    def key(self) -> str:
        return self._caller.key

    def close(self) -> None:
        self._caller.__exit__(None, None, None)

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
            raise Violation(f"{method} {path}: {none}", *([self._last] if self._last else [])) from none
        assert self._last is not None  # whoever is answered has been seen
        return self._last

    def get(self, path: str, **query: object) -> Exchange:
        """GET with these parameters."""
        return self.send("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, **fields: object) -> Exchange:
        """POST of a JSON object."""
        return self.send("POST", path, fields)

    # What is expected of it.

    def ok(self, exchange: Exchange) -> Any:
        """The JSON of an answer that must be 2xx (None where it has no body)."""
        response = exchange.response
        assert response is not None  # `send` has seen to it
        if not 200 <= response.status < 300:
            raise Violation(f"status {response.status} where 2xx was due: {response.body[:200]!r}", exchange)
        return response.json

    def refused(self, exchange: Exchange, *statuses: int) -> None:
        """The answer must have one of these statuses."""
        assert exchange.response is not None  # `send` has seen to it
        if exchange.response.status not in statuses:
            due = " or ".join(map(str, statuses))
            raise Violation(f"status {exchange.response.status} where {due} was due", exchange)

    def field(self, exchange: Exchange, name: str) -> str:
        """A text of a 2xx answer's object."""
        value = self.ok(exchange)
        if not isinstance(value, dict) or not isinstance(value.get(name), str):
            raise Violation(f"the answer has no {name}", exchange)
        return str(value[name])

    def poll(self, request_id: str, *, accept: str = JSON, **fields: object) -> Exchange:
        """The final answer of retrieve_future, success or failure, asked again for as long as it says "not yet"."""
        body = json.dumps({"request_id": request_id, **fields}).encode()
        try:
            self._caller.poll(body, {"x-api-key": self.key, "content-type": JSON, "accept": accept})
        except (NoAnswer, GivenUp) as none:
            raise Violation(f"the result of {request_id}: {none}", *([self._last] if self._last else [])) from none
        assert self._last is not None  # as in `send`
        return self._last

    def result(self, submitted: Exchange) -> Any:
        """The JSON of a submission's success."""
        answer = self.poll(self.field(submitted, "request_id"))
        value = self.ok(answer)
        if isinstance(value, dict) and "error" in value:
            raise Violation(f"the operation failed: {str(value)[:200]}", submitted, answer)
        return value

    def fails(self, submitted: Exchange, *statuses: int, category: str = "user") -> None:
        """The submission must be refused with one of these statuses, or fail with that category."""
        assert submitted.response is not None  # `send` has seen to it
        if submitted.response.status in statuses:
            return
        if not 200 <= submitted.response.status < 300:
            due = " or ".join(map(str, statuses))
            raise Violation(f"status {submitted.response.status} where {due}, or a failure, was due", submitted)
        answer = self.poll(self.field(submitted, "request_id"))
        value = self.ok(answer)
        if not isinstance(value, dict) or "error" not in value:
            raise Violation("it succeeded where it had to be refused or fail", submitted, answer)
        told = value["error"].get("category") if isinstance(value["error"], dict) else value.get("category")
        if told != category:
            raise Violation(f"it failed with category {told!r} where {category!r} was due", submitted, answer)

    # A life.

    def session(self) -> str:
        """A new session's id."""
        return self.field(self.post("/create_session", tags=[], sdk_version="0.38.0"), "session_id")

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

    def run(self, session_id: str | None = None, *, model_seq_id: int = 0, rank: int = 8) -> Run:
        """A new training run, ready to train."""
        submitted = self.post(
            "/create_model",
            session_id=session_id or self.session(),
            model_seq_id=model_seq_id,
            base_model=self.base_model(),
            lora_config={"rank": rank},
        )
        made = self.result(submitted)
        if not isinstance(made, dict) or not isinstance(made.get("model_id"), str):
            raise Violation("the result of create_model has no model_id", submitted)
        return Run(self, made["model_id"])


TOKENS: Final = tuple(range(10, 26))


def datum(tokens: tuple[int, ...] = TOKENS) -> dict[str, Any]:
    """A datum of JSON: learn each token from those before it, all with weight 1."""
    count = len(tokens) - 1
    return {
        "model_input": {"chunks": [{"type": "encoded_text", "tokens": list(tokens[:-1])}]},
        "loss_fn_inputs": {
            "target_tokens": {"data": list(tokens[1:]), "dtype": "int64", "shape": [count]},
            "weights": {"data": [1.0] * count, "dtype": "float32", "shape": [count]},
        },
    }


class Run:
    """A training run with its count of seq_ids. Submissions return the exchange; `tenant.result` waits for them."""

    def __init__(self, tenant: Tenant, model_id: str) -> None:
        self.tenant = tenant
        self.id = model_id
        self.last_seq_id = 0

    def next_seq_id(self) -> int:
        self.last_seq_id += 1
        return self.last_seq_id

    def submit(self, route: str, fields: Mapping[str, object], seq_id: int | None = None) -> Exchange:
        """POST of a numbered operation, under the next number if none is given."""
        number = self.next_seq_id() if seq_id is None else seq_id
        return self.tenant.send("POST", route, {"model_id": self.id, "seq_id": number, **fields})

    def forward_backward(self, *data: dict[str, Any], seq_id: int | None = None) -> Exchange:
        """Of the same datum each time, where none is given."""
        return self.submit("/forward_backward", {"forward_backward_input": _batch(data)}, seq_id)

    def forward(self, *data: dict[str, Any], seq_id: int | None = None) -> Exchange:
        """The same without gradients."""
        return self.submit("/forward", {"forward_input": _batch(data)}, seq_id)

    def optim_step(self, *, seq_id: int | None = None, learning_rate: float = 1e-3) -> Exchange:
        return self.submit("/optim_step", {"adam_params": {"learning_rate": learning_rate}}, seq_id)

    def loss(self) -> float:
        """What `forward` tells as `loss:sum`, without leaving gradients."""
        submitted = self.forward()
        result = self.tenant.result(submitted)
        try:
            return float(result["metrics"]["loss:sum"])
        except (LookupError, TypeError, ValueError):
            raise Violation("the result has no metric loss:sum", submitted) from None

    def save(self, name: str, *, kind: str = "weights", **fields: object) -> str:
        """The path of a new checkpoint."""
        route = {"weights": "/save_weights", "sampler_weights": "/save_weights_for_sampler"}[kind]
        submitted = self.submit(route, {"path": name, **fields})
        saved = self.tenant.result(submitted)
        if not isinstance(saved, dict) or not isinstance(saved.get("path"), str):
            raise Violation("the result of the save has no path", submitted)
        return str(saved["path"])


def _batch(data: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    return {"data": list(data) or [datum()], "loss_fn": "cross_entropy"}
