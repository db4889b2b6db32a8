"""The model's orders as requests, and the numbers in what came back."""

from __future__ import annotations

import json
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from contracts.proto import message_class
from contracts.server.batches import PROTOBUF, as_json, as_protobuf, datum
from contracts.server.samplers import Sampler
from contracts.server.tenant import JSON, answer_of

if TYPE_CHECKING:
    from contracts.exchange import Exchange
    from contracts.oracle import Order
    from contracts.server.tenant import Tenant

Form = Literal["protobuf", "json"]
"""How batches travel: as protobuf since SDK 0.25, as JSON before."""
DATA: Final[dict[str, tuple[int, ...]]] = {
    "a": (10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21),
    "b": (40, 33, 26, 19, 12, 5, 47, 38),
}
"""What is trained on: small tokens, which every vocabulary has."""
BAD_TOKENS: Final = (5, 2**31 - 1, 7)
"""One of them is in no vocabulary."""
RATES: Final = ("0.0003", "0.001")
DRAWS: Final = ("greedy", "seeded")
"""How a sample is drawn: at temperature 0, or with a seed."""


@dataclass(frozen=True)
class Request:
    """What to POST, and whereto."""

    route: str
    content: bytes
    media_type: str = JSON

    @property
    def headers(self) -> dict[str, str]:
        return {"content-type": self.media_type}


@dataclass(frozen=True)
class Sample:
    """What a sample told: the sequence's tokens, and the loss of the prompt."""

    tokens: tuple[int, ...]
    prompt_loss: float


def request_of(order: Order, run_id: str, seq_id: int, form: Form) -> Request:
    """The request that gives a run this order."""
    match order.kind:
        case "forward" | "forward_backward":
            return _batch(order, run_id, seq_id, form)
        case "optim_step":
            rate: object = "fast" if order.flaw else float(order.rate)
            fields: dict[str, Any] = {"adam_params": {"learning_rate": rate}}
        case "load_weights":
            fields = {"path": order.path, "optimizer": order.optimizer}
        case "save_weights" | "save_weights_for_sampler":
            fields = {"path": order.name} if order.name else {"sampling_session_seq_id": order.number}
    return Request(f"/{order.kind}", _written({"model_id": run_id, "seq_id": seq_id, **fields}))


def _batch(order: Order, run_id: str, seq_id: int, form: Form) -> Request:
    data = [datum(BAD_TOKENS if order.flaw else DATA[order.datum])]
    forward = order.kind == "forward"
    if form == "protobuf":
        return Request("/forward_backward", as_protobuf(run_id, seq_id, data, forward_only=forward), PROTOBUF)
    field = "forward_input" if forward else "forward_backward_input"
    return Request(f"/{order.kind}", _written({"model_id": run_id, "seq_id": seq_id, field: as_json(data)}))


def ask_for_sample(tenant: Tenant, sampler_id: str, seq_id: int, how: str) -> Exchange:
    """Ask for a few tokens behind the first datum, and the log-probabilities of that. how: one of DRAWS."""
    parameters = {"max_tokens": 4, "temperature": 0.0 if how == "greedy" else 1.0, "seed": 7}
    sampler = Sampler(tenant, sampler_id)
    return sampler.ask(DATA["a"], seq_id=seq_id, sampling_params=parameters, prompt_logprobs=True)


def place(path: str) -> str:
    """A checkpoint's place among the routes."""
    run, kind, name = path.removeprefix("tinker://").split("/")
    return f"/training_runs/{run}/checkpoints/{kind}/{name}"


def accepted(form: Form) -> str:
    """What a poll for tensors accepts."""
    return PROTOBUF if form == "protobuf" else JSON


def loss_of(answer: Exchange) -> float:
    """`loss:sum` of a batch. LookupError, TypeError or ValueError: the result has none."""
    response = answer_of(answer)
    if response.media_type != PROTOBUF:
        return float(response.json["metrics"]["loss:sum"])
    metrics = _decoded("ForwardBackwardOutput", response.body).metrics
    if "loss:sum" not in metrics:
        raise LookupError("the result has no metric loss:sum")
    return float(metrics["loss:sum"])


def sample_of(answer: Exchange) -> Sample:
    """What a sample told. LookupError, TypeError or ValueError: it has another form."""
    response = answer_of(answer)
    if response.media_type != PROTOBUF:
        value = response.json
        return Sample(tuple(value["sequences"][0]["tokens"]), -float(sum(value["prompt_logprobs"][1:])))
    told = _decoded("SampleResponse", response.body)
    logprobs = array("f", told.prompt_logprobs)
    return Sample(tuple(array("i", told.sequences[0].tokens)), -sum(logprobs[1:]))


def _decoded(name: str, content: bytes) -> Any:
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - loaded with the schema

    try:
        return message_class(name).FromString(content)
    except DecodeError as error:
        raise ValueError(f"the result is no {name} ({error})") from None


def _written(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()
