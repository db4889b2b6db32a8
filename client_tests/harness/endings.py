"""How a process with the official SDK in it may end."""

from __future__ import annotations

import signal
from typing import Final

_ABORTED: Final = {-signal.SIGABRT, 128 + signal.SIGABRT}  # as subprocess and as a shell say it


def ended_well(code: int) -> bool:
    """Whether a program came to its end.

    SDK 0.38.0 aborts in about three of a hundred processes while the interpreter is being taken down, after the
    program's last line, in threads without a Python frame. Whoever asks also looks at what was printed, so an abort in
    the middle of a program still shows.
    """
    return code == 0 or code in _ABORTED
