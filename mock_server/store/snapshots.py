"""Snapshots of what a tenant has: one file each, readable by this version of the server or refused.

A zip archive of `snapshot.json`, which describes it, `rows.json`, and the artifacts as they are on the disk.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

from sqlalchemy import LargeBinary
from sqlmodel import SQLModel

from mock_server.store.artifacts import StoredFile

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT: Final = 1
"""Raised with every change of what is below; a file of a newer one is refused."""
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")

_ARTIFACT: Final = re.compile(r"[0-9a-f]{32}")

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rows by the names of their tables, each with its columns by theirs."""


class SnapshotError(Exception):
    """The snapshot can't be used; the message says why, and begins where its name ends."""


class NoSnapshot(SnapshotError):
    """There is none of that name."""


@dataclass(frozen=True)
class Snapshot:
    """A snapshot's description. written_by: the version of tinker-mock. created_at: seconds since the epoch."""

    name: str
    tenant: str
    created_at: float
    written_by: str
    rows: int
    artifacts: int
    format: int = FORMAT


@dataclass(frozen=True)
class Unreadable:
    """One that this server can't use, and why."""

    name: str
    why: str


class Snapshots:
    """A folder of them, a folder within for each tenant. Callable from any thread; OSErrors pass."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self, tenant: str) -> list[Snapshot | Unreadable]:
        """The tenant's, oldest first, behind them those that can't be used."""
        found: list[Snapshot] = []
        unreadable: list[Snapshot | Unreadable] = []
        for path in sorted(self._folder.joinpath(tenant).glob("*.zip")):
            try:
                found.append(self.described(tenant, path.stem))
            except SnapshotError as error:
                unreadable.append(Unreadable(path.stem, str(error)))
        return [*sorted(found, key=lambda each: each.created_at), *unreadable]

    def exists(self, tenant: str, name: str) -> bool:
        return self._path(tenant, name).exists()

    def delete(self, tenant: str, name: str) -> None:
        """Remove it. Raises NoSnapshot."""
        try:
            self._path(tenant, name).unlink()
        except FileNotFoundError as error:
            raise NoSnapshot("does not exist") from error

    @contextmanager
    def room(self) -> Iterator[Path]:
        """A folder on the snapshots' disk, for the artifacts of one that is being made."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".making-", dir=self._folder) as room:
            yield Path(room)

    def write(self, snapshot: Snapshot, rows: Rows, files: Mapping[str, StoredFile], room: Path) -> None:
        """Write it, or write over one of its name. files: what is written down of the artifacts in `room`."""
        path = self._path(snapshot.tenant, snapshot.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = room / "snapshot.tmp"
        with ZipFile(temporary, "w", ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr("snapshot.json", json.dumps(asdict(snapshot)))
            kept = {file.id: [file.size_bytes, file.digest] for file in files.values()}
            archive.writestr("rows.json", json.dumps({"tables": _encoded(rows), "artifacts": kept}))
            for file in sorted(room.iterdir()):
                if file != temporary:
                    archive.write(file, f"artifacts/{file.name}")
        temporary.replace(path)

    def described(self, tenant: str, name: str) -> Snapshot:
        """Its description. Raises SnapshotError, also for one of a newer format."""
        with self._open(tenant, name) as archive:
            return _description(archive)

    def read(self, tenant: str, name: str, room: Path) -> tuple[Snapshot, Rows, dict[str, StoredFile]]:
        """All of it; its artifacts go into `room`, but those that were missing. Raises SnapshotError."""
        with self._open(tenant, name) as archive:
            snapshot = _description(archive)
            content = json.loads(archive.read("rows.json"))
            files = {
                artifact: StoredFile(artifact, size, digest)
                for artifact, (size, digest) in content["artifacts"].items()
            }
            for artifact in files:
                if not _ARTIFACT.fullmatch(artifact):
                    raise ValueError(f"{artifact!r} is no artifact")
                if f"artifacts/{artifact}" in archive.NameToInfo:
                    with archive.open(f"artifacts/{artifact}") as source, (room / artifact).open("wb") as target:
                        shutil.copyfileobj(source, target)
            return snapshot, _decoded(content["tables"]), files

    @contextmanager
    def _open(self, tenant: str, name: str) -> Iterator[ZipFile]:
        try:
            with ZipFile(self._path(tenant, name)) as archive:
                yield archive
        except FileNotFoundError as error:
            raise NoSnapshot("does not exist") from error
        except (BadZipFile, KeyError, ValueError, TypeError, AttributeError) as error:
            raise SnapshotError(f"is damaged ({error}): delete it, and save another") from error

    def _path(self, tenant: str, name: str) -> Path:
        return self._folder / tenant / f"{name}.zip"


def _description(archive: ZipFile) -> Snapshot:
    said = json.loads(archive.read("snapshot.json"))
    if said["format"] > FORMAT:
        raise SnapshotError(
            f"was written by tinker-mock {said['written_by']} in format {said['format']}, and this server reads "
            f"{FORMAT}: upgrade tinker-mock, or save another"
        )
    return Snapshot(**said)


def _encoded(rows: Rows) -> Rows:
    return _converted(rows, lambda value: b64encode(value).decode())


def _decoded(rows: Rows) -> Rows:
    return _converted(rows, b64decode)


def _converted(rows: Rows, convert: Any) -> Rows:
    """The rows with their binary columns converted."""
    found = {}
    for name, each in rows.items():
        table = SQLModel.metadata.tables.get(name)
        binary = set() if table is None else {column.name for column in table.c if isinstance(column.type, LargeBinary)}
        found[name] = [
            {
                column: convert(value) if column in binary and value is not None else value
                for column, value in row.items()
            }
            for row in each
        ]
    return found
