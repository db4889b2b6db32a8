"""Signals that reach a command which runs another program, and are meant for that program."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from types import FrameType

_PASSED_ON: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_FROM_THE_KEYBOARD: Final = {signal.SIGINT, signal.SIGQUIT}


class PassingOn:
    """Passes signals on to the program, once there is one."""

    program: subprocess.Popen[bytes] | None = None

    def handle(self, signum: int, frame: FrameType | None) -> None:
        del frame
        if self.program is None:
            raise SystemExit(128 + signum)
        # A key press reaches the whole foreground group, the command included: twice would be once too often.
        if not (signum in _FROM_THE_KEYBOARD and _in_the_foreground()):
            self.program.send_signal(signum)


@contextmanager
def passing_signals_on() -> Iterator[PassingOn]:
    """Pass signals on to the program that is said to be running, within the block."""
    passing = PassingOn()
    before = {signum: signal.signal(signum, passing.handle) for signum in _PASSED_ON}
    try:
        yield passing
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _in_the_foreground() -> bool:
    """Whether a terminal's keys reach our process group."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)
