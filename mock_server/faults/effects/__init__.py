"""The effects, one file each. Importing this package registers them all."""

from mock_server.faults.effects import (
    close,
    content_type,
    dribble,
    garbage,
    hang,
    invalid_json,
    latency,
    missing_field,
    mistyped_field,
    not_finite,
    reset,
    status,
    truncate,
    wrong_length,
)

__all__ = [
    "close",
    "content_type",
    "dribble",
    "garbage",
    "hang",
    "invalid_json",
    "latency",
    "missing_field",
    "mistyped_field",
    "not_finite",
    "reset",
    "status",
    "truncate",
    "wrong_length",
]
