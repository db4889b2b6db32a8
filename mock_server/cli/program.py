"""The user's program, which a command of ours runs."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any, Final

from mock_server.cli.failure import fail

if TYPE_CHECKING:
    from collections.abc import Mapping

# What a shell answers for a command that it can't start.
_NOT_FOUND: Final = 127
_NOT_EXECUTABLE: Final = 126


def started(command: list[str], environment: Mapping[str, str], **options: Any) -> subprocess.Popen[bytes]:
    """The program, running. Ends our command as a shell would where it can't be started."""
    try:
        return subprocess.Popen(command, env=environment, **options)  # noqa: S603  (the user's own command)
    except FileNotFoundError:
        fail(f"there is no command {command[0]!r}.", _NOT_FOUND)
    except OSError as error:
        fail(f"can't run {command[0]!r}: {error.strerror}.", _NOT_EXECUTABLE)
