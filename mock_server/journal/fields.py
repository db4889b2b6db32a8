"""The fields of a message's body, whatever its encoding."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from mock_server.codec import Malformed, decompress, is_protobuf, protobuf_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.exchange import Request, Response

_LONGEST: Final = 64 << 20
"""Bytes of a decompressed body that are looked into."""
_MESSAGE: Final = re.compile(r";\s*message=(\w+)")


def fields_of(message: Request | Response, named: str | None = None) -> Mapping[str, Any]:
    """The fields of a JSON object or a protobuf message. `named`: the message where the content type names none.

    Empty where the body is neither, can't be read, or was not kept to its end.
    """
    if not message.body or not message.whole:
        return {}
    content_type = message.headers.get("content-type", "")
    try:
        body = decompress(message.body, message.headers.get("content-encoding", ""), _LONGEST)
        if is_protobuf(content_type):
            found = _MESSAGE.search(content_type)
            return protobuf_fields(body, found[1] if found else named or "")
        fields = json.loads(body)
    except (ValueError, RecursionError, Malformed):
        return {}
    return fields if isinstance(fields, dict) else {}
