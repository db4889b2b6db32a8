"""Any message of the wire contract as plain values, for people and matchers to look into."""

from typing import Any

from mock_server.codec.errors import Malformed
from mock_server.codec.schema import Messages, messages, parse


def protobuf_fields(body: bytes, name: str) -> dict[str, Any]:
    """The fields of the message of that name, by JSON's mapping of protobuf: bytes are base64. Raises Malformed."""
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415 - loaded with the schema

    if name not in Messages.__dataclass_fields__:
        raise Malformed("message", f"is {name!r}", f"name one of {', '.join(Messages.__dataclass_fields__)}")
    message = parse(getattr(messages(), name), body, "body")
    found: dict[str, Any] = MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return found
