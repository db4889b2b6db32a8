"""Requests of forward and forward_backward: protobuf since SDK 0.25, JSON before it and from Tinkex."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mock_server.codec.allowance import Allowance
from mock_server.codec.body import is_protobuf, json_object
from mock_server.codec.chunks import json_ids, proto_ids
from mock_server.codec.errors import Malformed, shown
from mock_server.codec.schema import messages, parse
from mock_server.codec.spans import check_spans
from mock_server.codec.tensors import from_json, from_proto
from mock_server.toy_model import Datum

_MAX_SEQ_ID = (1 << 31) - 1  # int32 on the protobuf wire


class TrainingHeader(NamedTuple):
    """What queues a request, without its data.

    seq_id: the client's number of this operation, from 1; None where it sent none (protobuf cannot tell that from 0).
    """

    model_id: str
    seq_id: int | None
    forward_only: bool


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """A whole request; data as the model takes it, everything else as the client wrote it."""

    model_id: str
    seq_id: int | None
    forward_only: bool
    data: list[Datum]
    loss_fn: str
    loss_fn_config: dict[str, float | str]


def decode_header(body: bytes, content_type: str) -> TrainingHeader:
    """Model, number and direction of a request, without a look at its tensors. Malformed if the body is no request."""
    if is_protobuf(content_type):
        return _proto_header(_proto_request(body))
    request = json_object(body)
    return _json_header(request, _json_input(request)[0])


def decode_training_request(body: bytes, content_type: str) -> TrainingRequest:
    """The request in body, decompressed and whole. Malformed names the field that is not what the contract says."""
    if is_protobuf(content_type):
        return _from_proto(_proto_request(body))
    return _from_json(json_object(body))


def _proto_request(body: bytes) -> Any:
    return parse(messages().ForwardBackwardRequest, body, "body")


def _proto_header(request: Any) -> TrainingHeader:
    return _header(request.model_id, request.seq_id, forward_only=request.forward_only)


def _from_proto(request: Any) -> TrainingRequest:
    allowance = Allowance()
    return TrainingRequest(
        *_proto_header(request),
        data=[_proto_datum(datum, f"data[{i}]", allowance) for i, datum in enumerate(request.data)],
        loss_fn=_loss_fn(request.loss_fn, "loss_fn"),
        loss_fn_config=_proto_config(request),
    )


def _proto_datum(datum: Any, field: str, allowance: Allowance) -> Datum:
    tokens = proto_ids(datum.model_input, f"{field}.model_input", allowance)
    # Sorted: protobuf maps have another order in every process, and the first wrong field is to be the same in all.
    inputs = {
        name: from_proto(tensor, f"{field}.loss_fn_inputs.{name}", allowance)
        for name, tensor in sorted(datum.loss_fn_inputs.items(), key=_name)
    }
    check_spans(datum, len(tokens), inputs.get("target_tokens"), field)
    return Datum(tokens, inputs)


def _name(item: tuple[str, Any]) -> str:
    return item[0]


def _proto_config(request: Any) -> dict[str, float | str]:
    # SDKs since 0.28 write both maps, and only the second can hold text.
    if not request.loss_fn_config_v2:
        return dict(sorted(request.loss_fn_config.items()))
    config: dict[str, float | str] = {}
    for name, value in sorted(request.loss_fn_config_v2.items(), key=_name):
        kind = value.WhichOneof("value")
        if kind is None:
            raise Malformed(f"loss_fn_config_v2.{name}", "is empty", "set number or text")
        config[name] = getattr(value, kind)
    return config


def _json_input(request: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The name and content of the one input of a JSON request: the name says whether it is forward only."""
    given = [name for name in ("forward_backward_input", "forward_input") if request.get(name) is not None]
    if len(given) != 1:
        raise Malformed(
            "body", f"has {' and '.join(given) or 'no input'}", "send forward_backward_input, or forward_input"
        )
    content = request[given[0]]
    if not isinstance(content, Mapping):
        raise Malformed(given[0], f"is {shown(content)}", "send {data, loss_fn, loss_fn_config}")
    return given[0], content


def _json_header(request: Mapping[str, Any], input_name: str) -> TrainingHeader:
    return _header(request.get("model_id"), request.get("seq_id"), forward_only=input_name == "forward_input")


def _from_json(request: Mapping[str, Any]) -> TrainingRequest:
    allowance = Allowance()
    name, content = _json_input(request)
    data = content.get("data")
    if not isinstance(data, list):
        raise Malformed(f"{name}.data", f"is {shown(data)}", "send a list of datums")
    return TrainingRequest(
        *_json_header(request, name),
        data=[_json_datum(datum, f"data[{i}]", allowance) for i, datum in enumerate(data)],
        loss_fn=_loss_fn(content.get("loss_fn"), f"{name}.loss_fn"),
        loss_fn_config=_json_config(content.get("loss_fn_config"), f"{name}.loss_fn_config"),
    )


def _json_datum(datum: Any, field: str, allowance: Allowance) -> Datum:
    if not isinstance(datum, Mapping) or not isinstance(datum.get("model_input"), Mapping):
        raise Malformed(field, f"is {shown(datum)}", "send {model_input: {chunks}, loss_fn_inputs}")
    inputs = _json_map(datum.get("loss_fn_inputs"), f"{field}.loss_fn_inputs")
    return Datum(
        json_ids(datum["model_input"].get("chunks"), f"{field}.model_input.chunks", allowance),
        {name: from_json(tensor, f"{field}.loss_fn_inputs.{name}", allowance)[0] for name, tensor in inputs},
    )


def _json_config(config: Any, field: str) -> dict[str, float | str]:
    return {name: _config_value(value, f"{field}.{name}") for name, value in _json_map(config, field)}


def _config_value(value: Any, field: str) -> float | str:
    if isinstance(value, str):
        return value
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    except OverflowError:
        pass
    raise Malformed(field, f"is {shown(value)}", "send a number or a text")


def _json_map(value: Any, field: str) -> list[tuple[str, Any]]:
    """The entries of an optional JSON object, sorted; clients before 0.18 write null for what they leave out."""
    if value is None:
        return []
    if not isinstance(value, Mapping):
        raise Malformed(field, f"is {shown(value)}", "send an object, or leave it out")
    return sorted(((name, entry) for name, entry in value.items() if entry is not None), key=_name)


def _header(model_id: Any, seq_id: Any, *, forward_only: bool) -> TrainingHeader:
    if not isinstance(model_id, str) or not model_id:
        raise Malformed("model_id", f"is {shown(model_id)}", "send the id that create_model answered")
    if type(seq_id) is float and seq_id.is_integer():
        seq_id = int(seq_id)  # to JSON 1.0 is as whole as 1
    if seq_id is not None and (type(seq_id) is not int or not 0 <= seq_id <= _MAX_SEQ_ID):
        raise Malformed("seq_id", f"is {shown(seq_id)}", "number the operations of a model 1, 2, 3, …")
    return TrainingHeader(model_id, seq_id or None, forward_only)


def _loss_fn(name: Any, field: str) -> str:
    if not isinstance(name, str) or not name:
        raise Malformed(field, f"is {shown(name)}", "name the loss function, such as cross_entropy")
    return name
