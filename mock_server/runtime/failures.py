"""What an operation's client is told when it fails: its own mistake in full, ours by an id that the log explains."""

import logging
from uuid import uuid4

from mock_server.codec import Malformed
from mock_server.domain.errors import OperationFailed, Refused
from mock_server.domain.operations import Outcome
from mock_server.store import StorageUnavailable
from mock_server.store.artifacts import DamagedArtifact
from mock_server.toy_model import DamagedState, InvalidInput

log = logging.getLogger(__name__)


def failure(operation_id: str, error: BaseException) -> Outcome:
    """The outcome for an operation that raised. Category server is for what is not the client's to mend."""
    match error:
        case OperationFailed():
            message, category = str(error), error.category
        case InvalidInput() | Malformed() | Refused():
            message, category = str(error), "user"
        case DamagedArtifact() | DamagedState() | StorageUnavailable():
            log.error("operation %s failed: %s", operation_id, error)
            message, category = str(error), "server"
        case _:
            error_id = uuid4().hex[:12]
            log.error("operation %s failed, error id %s", operation_id, error_id, exc_info=error)
            message, category = f"internal error {error_id}: the server's log explains it under this id", "server"
    return Outcome(operation_id, "failed", error=message, error_category=category)
