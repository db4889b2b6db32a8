"""Files too large for a row: weights, big request bodies, big results.

Each file has a name of its own and never changes. Rows share a file by counting references, not by hashing its
content: a content-addressed file could be removed for one row while another is about to point at it.
"""

import fcntl
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from uuid import uuid4

from mock_server.store.errors import StorageUnavailable


class DamagedArtifact(Exception):
    """A stored file is missing or not what was written."""


@dataclass(frozen=True)
class StoredFile:
    """A file that is on disk, and what to know of it for its row."""

    id: str
    size_bytes: int
    digest: str


class Artifacts:
    """A folder of immutable files. Callable from any thread."""

    def __init__(self, folder: Path, *, sync: bool) -> None:
        self.folder = folder
        self._sync = sync
        self._made: set[str] = set()

    def write(self, content: bytes) -> StoredFile:
        """Store the content: temporary file, fsync, rename. The file is safe before a row can point at it."""
        name = uuid4().hex
        path = self.path(name)
        temporary = path.with_suffix(".tmp")
        try:
            self._make_folder(path.parent)
            with temporary.open("wb") as file:
                file.write(content)
                if self._sync:
                    file.flush()
                    sync(file.fileno())
            temporary.rename(path)
            if self._sync:
                sync_folder(path.parent)
        except OSError as error:
            for litter in (temporary, path):
                with suppress(OSError):
                    litter.unlink(missing_ok=True)
            raise StorageUnavailable(
                f"could not write {len(content):,} bytes to {self.folder}: {error.strerror or error}"
            ) from error
        return StoredFile(name, len(content), _digest(content))

    def read(self, name: str, digest: str | None = None) -> bytes:
        """Its content; DamagedArtifact where the file is gone or its digest differs."""
        try:
            content = self.path(name).read_bytes()
        except OSError as error:
            raise DamagedArtifact(f"artifact {name} can't be read: {error.strerror}") from error
        if digest is not None and _digest(content) != digest:
            raise DamagedArtifact(
                f"artifact {name} is damaged: its {len(content):,} bytes are not those that were written"
            )
        return content

    def digest(self, content: bytes) -> str:
        """What the row of a file with this content says."""
        return _digest(content)

    def link(self, name: str, into: Path) -> bool:
        """Keep its content as it is, in a folder of the same disk, whatever becomes of it here; False where it is gone.

        What is in the file counts, damaged or not.
        """
        source, target = self.path(name), into / name
        try:
            os.link(source, target)
        except FileNotFoundError:
            return False
        except FileExistsError:  # linked by an attempt that was not committed; files never change
            pass
        except OSError:  # a file system without links
            shutil.copyfile(source, target)
        return True

    def remove(self, name: str) -> None:
        with suppress(OSError):
            self.path(name).unlink(missing_ok=True)

    def sweep(self, known: Iterable[str]) -> int:
        """Remove what no row points at: files whose transaction never committed. Only at start, before any writer."""
        keep = set(known)
        removed = 0
        for folder in self.folder.iterdir():
            for entry in os.scandir(folder):  # not glob: a Path for each of a hundred thousand files takes a second
                if entry.name not in keep:
                    Path(entry).unlink()
                    removed += 1
        return removed

    def path(self, name: str) -> Path:
        return self.folder / name[:2] / name

    def _make_folder(self, folder: Path) -> None:
        """A file survives a power cut only if its folder does, and that stands in the folder above."""
        if folder.name in self._made:
            return
        folder.mkdir(parents=True, exist_ok=True)
        if self._sync:
            # Also where another thread, or a server that died, has just made it: it may not have come this far.
            sync_folder(folder.parent)
        self._made.add(folder.name)


def sync(descriptor: int) -> None:
    """Return when a file's content would survive a power cut."""
    if hasattr(fcntl, "F_FULLFSYNC"):
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)  # macOS: its fsync stops at the disk's cache
    else:
        os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Make what was created or renamed in the folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()
