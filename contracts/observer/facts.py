"""What one exchange says, read once for all checks and for the history."""

from __future__ import annotations

import base64
import json
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

from contracts.encoding import decoded
from contracts.observer.protobuf import fields
from contracts.observer.routes import SUBMISSIONS, TENSORS, TRAINING, route

if TYPE_CHECKING:
    from contracts.exchange import Exchange, Response

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"

Number = tuple[str, str, int]
"""What a number counts, of whom, and the number: ("run", "s:train:0", 4)."""
Ending = Literal["waiting", "metadata", "succeeded", "failed", "gone"]


class Facts:
    """Facts of an exchange, each found when it is first asked for."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.request = exchange.request
        self.route = route(exchange.request.method, exchange.request.path)
        self.operation = self.route.operation
        response = exchange.response
        self.status = 0 if response is None else response.status
        self.accepted = 200 <= self.status < 300
        self.lost = response is None or response.status >= 500
        self.timed = exchange.ended > 0
        """Whether times are known; recordings of other tools may have none."""

    @cached_property
    def tenant(self) -> str:
        """Whose request: the key, or the subject of a token, since tokens are renewed."""
        key = self.request.headers.get("x-api-key", "")
        if not key.startswith("eyJ"):
            return key
        try:
            claims = key.split(".")[1]
            return "subject " + str(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"])
        except (IndexError, ValueError, KeyError, TypeError):
            return key

    @cached_property
    def body(self) -> dict[str, Any]:
        """The request's fields: of JSON all, of a protobuf batch those that name it; empty where there are none."""
        if self.request.media_type == PROTOBUF:
            return self._batch[0]
        value = self.request.json if self.request.body else None
        return value if isinstance(value, dict) else {}

    @cached_property
    def _batch(self) -> tuple[dict[str, Any], int]:
        """Of a protobuf ForwardBackwardRequest what names it, and a digest of all but its number."""
        found: dict[str, Any] = {"seq_id": 0, "data": 0, "forward_only": False}
        cut = (0, 0)
        content = self.content
        try:
            for field in fields(content):
                match field.number:
                    case 1:
                        found["model_id"] = field.bytes_of(content).decode()
                    case 2:
                        found["seq_id"], cut = field.value, (field.start, field.end)
                    case 3:
                        found["data"] += 1
                    case 6:
                        found["forward_only"] = bool(field.value)
        except ValueError:
            found["broken"] = True
        return found, hash((content[: cut[0]], content[cut[1] :]))

    @cached_property
    def content(self) -> bytes:
        """The request's body, its compression undone; empty where that can't be."""
        return decoded(self.request.body, self.request.headers.get("content-encoding", ""))[0]

    @cached_property
    def data_count(self) -> int | None:
        """How many data a batch has; None where that is not known."""
        if not self.request.whole:
            return None
        if self.request.media_type == PROTOBUF:
            return int(self.body["data"])
        batch = self.body.get("forward_backward_input") or self.body.get("forward_input")
        return len(batch["data"]) if isinstance(batch, dict) and isinstance(batch.get("data"), list) else None

    @cached_property
    def number(self) -> Number | None:
        """The number by which a repeat of this request is known; None for what is not numbered."""
        match self.operation:
            # One operation, told at once or token by token: they share their numbers.
            case "asample" | "stream_sample":
                return self._numbered("sampler", "sampling_session_id", "seq_id")
            case "create_sampling_session":
                return self._numbered("samplers", "session_id", "sampling_session_seq_id")
            case "create_model" | "copy_weights":
                return self._numbered("runs", "session_id", "model_seq_id")
            case "create_custom_loss":
                return self._numbered("losses", "session_id", "custom_loss_seq_id")
            case "load_weights" if not self.body.get("model_id"):
                return self._numbered("runs", "session_id", "model_seq_id")
            case name if name in TRAINING:
                return self._numbered("run", "model_id", "seq_id")
        return None

    def _numbered(self, counts: str, owner: str, counter: str) -> Number | None:
        of, number = self.body.get(owner), self.body.get(counter)
        if isinstance(number, float) and number.is_integer():
            number = int(number)  # in JSON 1.0 is an integer
        if not isinstance(of, str) or not isinstance(number, int) or isinstance(number, bool):
            return None
        return counts, of, number

    @cached_property
    def digest(self) -> int:
        """Equal for requests that say the same, whatever their numbers. Holds within one process only."""
        if self.request.media_type == PROTOBUF:
            return hash((self.operation, self._batch[1]))
        # A repeated save for the sampler counts its sampling session on (SDK 0.38.0), and is a repeat all the same.
        without = {key: each for key, each in self.body.items() if key not in {"seq_id", "sampling_session_seq_id"}}
        return hash((self.operation, json.dumps(without, sort_keys=True)))

    @cached_property
    def message(self) -> int:
        """Equal for requests that are the same to the last byte of method, path and body."""
        return hash((self.request.method, self.request.path, self.request.query, self.request.body))

    @cached_property
    def idempotency_key(self) -> str:
        return self.request.headers.get("x-idempotency-key", "")

    @cached_property
    def retry_count(self) -> int:
        """Which attempt the client says that this is, from 0; -1 where it says nothing."""
        count = self.request.headers.get("x-stainless-retry-count", "")
        return int(count) if count.isdecimal() else -1

    @cached_property
    def retry_after(self) -> float | None:
        """How many seconds the answer asks to wait; None where it does not say it in seconds."""
        if self.exchange.response is None:
            return None
        headers = self.exchange.response.headers
        for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
            try:
                return float(headers[name]) * unit
            except (KeyError, ValueError):
                continue
        return None

    @cached_property
    def answer(self) -> dict[str, Any]:
        """The answer's JSON object; empty where it is none."""
        response = self.exchange.response
        value = response.json if response is not None and response.body and self._answers_json(response) else None
        return value if isinstance(value, dict) else {}

    @staticmethod
    def _answers_json(response: Response) -> bool:
        return response.whole and response.media_type == JSON

    @cached_property
    def answers_protobuf(self) -> bool:
        return self.exchange.response is not None and self.exchange.response.media_type == PROTOBUF

    @cached_property
    def accepts_protobuf(self) -> bool:
        return PROTOBUF in self.request.headers.get("accept", "")

    @cached_property
    def request_id(self) -> str:
        """Of a submission the one that it was given, of a poll the one that it asks for; empty for others."""
        said = (
            self.answer if self.operation in SUBMISSIONS else self.body if self.operation == "retrieve_future" else {}
        )
        request_id = said.get("request_id")
        return request_id if isinstance(request_id, str) else ""

    @cached_property
    def ending(self) -> Ending | None:
        """What a poll was told; None for what is no poll, or no answer to one."""
        if self.operation != "retrieve_future":
            return None
        if self.status in {408, 410}:
            return "waiting" if self.status == 408 else "gone"
        if self.status != 200:
            return None
        if self.answers_protobuf:
            return "succeeded"
        if self.answer.get("type") == "try_again" or self.answer.get("status") == "pending":
            return "waiting"
        if self.answer.get("status") == "complete_metadata":
            return "metadata"
        if "error" in self.answer or self.answer.get("status") == "failed":
            return "failed"
        return "succeeded" if self.answer else None

    @cached_property
    def result(self) -> int:
        """Equal for equal results."""
        return 0 if self.exchange.response is None else hash(self.exchange.response.body)

    @cached_property
    def holds_tensors(self) -> bool:
        return self.operation in TENSORS
