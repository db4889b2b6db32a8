"""A disk that a test can fill: a small file system of its own where we may mount one, else a limit on file sizes."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE = 12 << 20


class Disk(Protocol):
    """What a data directory lies on."""

    full: str
    """What the operating system says when there is no room."""

    def fill(self, pid: int, *, leave: int) -> None:
        """Leave the process room for so many bytes more; 0 for none at all."""

    def free(self, pid: int) -> None:
        """Give the room back; pid 0 when the process is gone."""


class OwnFileSystem:
    """A tmpfs, filled by a file of ballast."""

    full = "No space left on device"

    def __init__(self, mounted: Path) -> None:
        self._mounted = mounted
        self._ballast = mounted / "ballast"

    def fill(self, pid: int, *, leave: int) -> None:
        room = os.statvfs(self._mounted)
        left = room.f_bavail * room.f_frsize - leave
        with self._ballast.open("ab", buffering=0) as file:
            try:
                while left > 0:
                    left -= file.write(bytes(min(left, 1 << 20)))
            except OSError as error:
                # The process, which goes on writing, took the last of the room itself.
                if error.errno != errno.ENOSPC:
                    raise

    def free(self, pid: int) -> None:
        self._ballast.unlink()


class FileSizeLimit:
    """No file of the process may grow beyond a size: without rights, the nearest thing to a full disk."""

    full = "File too large"

    def fill(self, pid: int, *, leave: int) -> None:
        hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (leave, hard))

    def free(self, pid: int) -> None:
        if pid:
            hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


@contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """The folder as a small disk."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        yield OwnFileSystem(folder) if mounted else FileSizeLimit()
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=True)
