"""What can be read of a training request that is being refused: whose it is, and the number that it used up."""

from pydantic_core import from_json

from mock_server.codec.body import is_protobuf
from mock_server.codec.training import TrainingHeader

_MODEL_ID, _SEQ_ID = 0x0A, 0x10  # the keys of fields 1 (a string) and 2 (a number) of ForwardBackwardRequest


def salvage_header(body: bytes, content_type: str) -> TrainingHeader | None:
    """Model and number of a request that may be damaged or invalid otherwise; None where they can't be told."""
    try:
        model_id, seq_id = _leading_fields(body) if is_protobuf(content_type) else _json_fields(body)
    except (ValueError, IndexError):
        return None
    if isinstance(model_id, str) and model_id and type(seq_id) is int and seq_id >= 0:
        return TrainingHeader(model_id, seq_id, forward_only=False)
    return None


def _json_fields(body: bytes) -> tuple[object, object]:
    request = from_json(body, allow_partial=True)
    return (request.get("model_id"), request.get("seq_id")) if isinstance(request, dict) else (None, None)


def _leading_fields(body: bytes) -> tuple[object, object]:
    """By hand: protobuf's parser gives all or nothing, but every writer puts these two fields first."""
    model_id: str | None = None
    seq_id: int | None = None
    at = 0
    while at < len(body) and body[at] in {_MODEL_ID, _SEQ_ID}:
        key = body[at]
        value, at = _varint(body, at + 1)
        if key == _SEQ_ID:
            seq_id = value
        else:
            model_id, at = body[at : at + value].decode(), at + value
    return model_id, seq_id


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """The number there, seven bits a byte, and the place behind it."""
    value = shift = 0
    while body[at] & 0x80:
        value |= (body[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return value | body[at] << shift, at + 1
