"""Training data as it crosses the wire: the same batch as JSON and as protobuf."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Final

from contracts.proto import message_class

if TYPE_CHECKING:
    from collections.abc import Sequence

PROTOBUF: Final = "application/x-protobuf"
Datum = dict[str, Any]


def datum(tokens: Sequence[int], weights: Sequence[float] | None = None) -> Datum:
    """Learn each token from those before it. weights: one a target, so one fewer than tokens; all 1 where none."""
    count = len(tokens) - 1
    return {
        "model_input": {"chunks": [{"type": "encoded_text", "tokens": list(tokens[:-1])}]},
        "loss_fn_inputs": {
            "target_tokens": {"data": list(tokens[1:]), "dtype": "int64", "shape": [count]},
            "weights": {"data": list(weights or [1.0] * count), "dtype": "float32", "shape": [count]},
        },
    }


def as_json(data: Sequence[Datum], loss_fn: str = "cross_entropy") -> dict[str, Any]:
    """What stands in `forward_backward_input`."""
    return {"data": list(data), "loss_fn": loss_fn}


def as_protobuf(model_id: str, seq_id: int, data: Sequence[Datum], *, forward_only: bool = False) -> bytes:
    """A ForwardBackwardRequest of the same data."""
    request = message_class("ForwardBackwardRequest")(
        model_id=model_id, seq_id=seq_id, loss_fn="cross_entropy", forward_only=forward_only
    )
    for each in data:
        message = request.data.add()
        for chunk in each["model_input"]["chunks"]:
            message.model_input.add().encoded_text.tokens = array("i", chunk["tokens"]).tobytes()
        for name, tensor in each["loss_fn_inputs"].items():
            code, dtype = {"int64": ("q", 2), "float32": ("f", 1)}[tensor["dtype"]]
            message.loss_fn_inputs[name].dense = array(code, tensor["data"]).tobytes()
            message.loss_fn_inputs[name].dtype = dtype
            message.loss_fn_inputs[name].shape.extend(tensor["shape"])
    return bytes(request.SerializeToString())
