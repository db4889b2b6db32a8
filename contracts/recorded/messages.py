"""Protobuf bodies: the names and numbers in a request, the fields of an answer."""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import TYPE_CHECKING, Any, Final

from contracts.proto import message_class

if TYPE_CHECKING:
    from collections.abc import Callable

PROTOBUF: Final = "application/x-protobuf"


def batch_of(content: bytes) -> Any:
    """The ForwardBackwardRequest that a body holds."""
    return message_class("ForwardBackwardRequest").FromString(content)


def addressed_anew(content: bytes, rename: Callable[[str], str], seq_id: int | None = None) -> bytes:
    """The same batch for the run by its new name, and under that number; everything else is left as it is."""
    batch = batch_of(content)
    batch.model_id = rename(batch.model_id)
    if seq_id is not None:
        batch.seq_id = seq_id
    data: bytes = batch.SerializeToString()
    return data


def fields(content: bytes, request_type: str) -> dict[str, Any]:
    """The fields of a result, as `shape.differences` compares them. ValueError: it is no such message.

    request_type: the header x-tinker-request-type, which says what was asked for.
    """
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - loaded with the schema

    name = "SampleResponse" if request_type == "Sample" else "ForwardBackwardOutput"
    try:
        return _fields(message_class(name).FromString(content))
    except DecodeError as error:
        raise ValueError(f"no {name} ({error})") from None


def _fields(message: Any) -> dict[str, Any]:
    """What a reader finds: a field that has no presence is always there, with its default if need be."""
    found: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        if field.has_presence and not message.HasField(field.name):
            continue
        value = getattr(message, field.name)
        if field.message_type is None:
            found[field.name] = list(value) if isinstance(value, MutableSequence) else value
        elif field.message_type.GetOptions().map_entry:
            found[field.name] = {key: _value(value[key]) for key in value}
        elif isinstance(value, MutableSequence):
            found[field.name] = [_fields(each) for each in value]
        else:
            found[field.name] = _fields(value)
    return found


def _value(value: Any) -> Any:
    return _fields(value) if hasattr(value, "DESCRIPTOR") else value
