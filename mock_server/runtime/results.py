"""Results on their way to whoever asked: short ones in their rows, long ones in files."""

from mock_server.domain.operations import Outcome
from mock_server.domain.usage import Usage
from mock_server.store import Artifacts, StorageUnavailable

INLINE_BYTES = 64 << 10
"""A longer result goes into a file of its own."""


def succeeded(
    artifacts: Artifacts, operation_id: str, content_type: str, content: bytes, usage: Usage | None = None
) -> Outcome:
    """The outcome that holds a result. Callable from any thread."""
    file = None
    if len(content) > INLINE_BYTES:
        try:
            file = artifacts.write(content)
        except StorageUnavailable:
            # What was accepted is carried out, also on a full disk: the result waits in memory until its row has room.
            file = None
    return Outcome(operation_id, "succeeded", content_type, content, file, usage=usage)
