"""Snapshot files: what is written is read back, and what can't be understood is refused with its reason."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import pytest

from mock_server.store import NoSnapshot, Snapshot, SnapshotError, Snapshots, StoredFile, Unreadable

if TYPE_CHECKING:
    from pathlib import Path

ID = "0" * 32
GONE = "f" * 32
ROWS: dict[str, list[dict[str, Any]]] = {
    "operation": [{"id": "a", "body": b"\x00\xff", "body_hash": b"h", "result": None, "created_at": 0.1 + 0.2}],
    "session": [{"id": "s", "tags": ["body"], "user_metadata": {"body": "text"}}],
}
FILES = {ID: StoredFile(ID, 5, "digest-of-what-it-was"), GONE: StoredFile(GONE, 7, "lost")}


def made(name: str = "one", created_at: float = 5.0) -> Snapshot:
    return Snapshot(name, "alice", created_at, "1.2.3", rows=2, artifacts=2)


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    return Snapshots(tmp_path / "snapshots")


def write(snapshots: Snapshots, snapshot: Snapshot) -> None:
    with snapshots.room() as room:
        (room / ID).write_bytes(b"damaged")
        snapshots.write(snapshot, ROWS, FILES, room)


def test_rows_and_artifacts_come_back_as_they_were_damaged_or_missing(snapshots: Snapshots, tmp_path: Path) -> None:
    write(snapshots, made())
    assert snapshots.read("alice", "one", tmp_path) == (made(), ROWS, FILES)
    assert (tmp_path / ID).read_bytes() == b"damaged"
    assert not (tmp_path / GONE).exists()
    assert [path.name for path in (tmp_path / "snapshots").iterdir()] == ["alice"]


def test_they_are_listed_by_their_age_and_deleted_by_their_names(snapshots: Snapshots) -> None:
    assert snapshots.all("alice") == []
    write(snapshots, made("b", 1.0))
    write(snapshots, made("a", 2.0))
    assert snapshots.all("alice") == [made("b", 1.0), made("a", 2.0)]
    assert snapshots.all("bob") == []
    snapshots.delete("alice", "b")
    assert not snapshots.exists("alice", "b")
    with pytest.raises(NoSnapshot, match="does not exist"):
        snapshots.delete("alice", "b")
    with pytest.raises(NoSnapshot, match="does not exist"):
        snapshots.described("alice", "b")


def rewritten(path: Path, **parts: str | None) -> None:
    """The archive with some of its parts replaced, or left out."""
    with ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with ZipFile(path, "w") as archive:
        for name, old in content.items():
            new = parts.get(name.partition(".")[0], old)
            if new is not None:
                archive.writestr(name, new)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"snapshot": json.dumps({"format": 2, "written_by": "9.0"})},
            "was written by tinker-mock 9.0 in format 2, and this server reads 1: upgrade tinker-mock, or save another",
        ),
        ({"snapshot": None}, "is damaged"),
        ({"snapshot": "{"}, "is damaged"),
        ({"snapshot": json.dumps({"format": 1, "more": 1})}, "is damaged"),
        ({"rows": None}, "is damaged"),
        ({"rows": json.dumps({"tables": {}, "artifacts": {"../../up": [1, "d"]}})}, "'../../up' is no artifact"),
    ],
)
def test_what_can_not_be_understood_is_refused(
    snapshots: Snapshots, tmp_path: Path, parts: dict[str, str | None], message: str
) -> None:
    write(snapshots, made())
    rewritten(tmp_path / "snapshots" / "alice" / "one.zip", **parts)
    with pytest.raises(SnapshotError) as refused:
        snapshots.read("alice", "one", tmp_path)
    assert message in str(refused.value)
    if "snapshot" in parts:
        (unusable,) = snapshots.all("alice")
        assert isinstance(unusable, Unreadable)
        assert (unusable.name, message in unusable.why) == ("one", True)


def test_no_archive_at_all_is_damaged(snapshots: Snapshots, tmp_path: Path) -> None:
    write(snapshots, made())
    (tmp_path / "snapshots" / "alice" / "one.zip").write_bytes(b"half a file")
    with pytest.raises(SnapshotError, match=r"is damaged \(File is not a zip file\): delete it, and save another"):
        snapshots.described("alice", "one")
