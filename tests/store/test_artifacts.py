"""Artifact files: written whole or not at all, named when damaged, counted, and swept when nothing points at them."""

import os
from hashlib import blake2b
from pathlib import Path

import pytest

from mock_server.store import Artifacts, DamagedArtifact, StorageUnavailable, Store, StoredFile, Transaction


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "artifacts", sync=True)


def test_what_was_written_is_read_again(artifacts: Artifacts) -> None:
    file = artifacts.write(b"weights")
    assert file == StoredFile(file.id, 7, blake2b(b"weights", digest_size=16).hexdigest())
    assert artifacts.read(file.id, file.digest) == b"weights"
    assert files_in(artifacts.folder) == [file.id]


def test_equal_contents_are_files_of_their_own(artifacts: Artifacts) -> None:
    assert artifacts.write(b"same").id != artifacts.write(b"same").id


def test_a_file_is_on_the_disk_before_anybody_learns_its_name(
    artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Content before the rename, the name after it, and the folder that holds the name in the folder above."""
    done: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def recorded_fsync(descriptor: int) -> None:
        here = os.fstat(descriptor)
        [path] = [path for path in artifacts.folder.parent.rglob("*") if os.path.samestat(path.stat(), here)]
        done.append(f"sync {'folder' if path.is_dir() and path != artifacts.folder else path.suffix or path.name}")
        fsync(descriptor)

    def recorded_rename(path: Path, target: Path) -> Path:
        done.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(Path, "rename", recorded_rename)
    name = artifacts.write(b"content").id
    assert done == ["sync artifacts", "sync .tmp", "rename", "sync folder"]
    done.clear()
    monkeypatch.setattr("mock_server.store.artifacts.uuid4", lambda: type("Same", (), {"hex": name[:2] + "0" * 30}))
    artifacts.write(b"content")
    assert done == ["sync .tmp", "rename", "sync folder"]  # the folder is known to be there


def test_without_sync_the_operating_system_flushes_when_it_likes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: pytest.fail("durability 'process' waits for no disk"))
    artifacts = Artifacts(tmp_path / "artifacts", sync=False)
    assert artifacts.read(artifacts.write(b"content").id) == b"content"


@pytest.mark.parametrize("failing", ["fsync", "rename", "sync_folder"])
def test_a_failed_write_leaves_no_file(artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    artifacts._make_folder(artifacts.folder / "aa")
    monkeypatch.setattr("mock_server.store.artifacts.uuid4", lambda: type("Same", (), {"hex": "a" * 32}))
    target = {"fsync": "os.fsync", "rename": "pathlib.Path.rename"}.get(
        failing, "mock_server.store.artifacts.sync_folder"
    )
    with monkeypatch.context() as patch:
        patch.setattr(target, fail)
        with pytest.raises(StorageUnavailable, match=r"could not write 1,000 bytes to .*: No space left on device"):
            artifacts.write(bytes(1000))
    assert files_in(artifacts.folder) == []


@pytest.mark.parametrize("damage", [b"", b"weight", b"weightz", b"weights and more"])
def test_a_damaged_file_is_named_and_never_read(artifacts: Artifacts, damage: bytes) -> None:
    file = artifacts.write(b"weights")
    artifacts.path(file.id).write_bytes(damage)
    with pytest.raises(DamagedArtifact, match=rf"{file.id} is damaged: its {len(damage)} bytes"):
        artifacts.read(file.id, file.digest)


def test_a_missing_file_is_named(artifacts: Artifacts) -> None:
    with pytest.raises(DamagedArtifact, match="artifact abc can't be read: No such file or directory"):
        artifacts.read("abc")


async def test_a_file_goes_with_the_last_row_that_points_at_it(store: Store) -> None:
    file = store.artifacts.write(b"shared")
    await store.write(Transaction.add_artifact, file)
    await store.write(Transaction.keep_artifact, file.id)
    await store.write(Transaction.release_artifact, file.id)
    assert store.read_now(Transaction.read_artifact, file.id) == b"shared"
    await store.write(Transaction.release_artifact, file.id)
    assert files_in(store.artifacts.folder) == []
    with pytest.raises(DamagedArtifact, match="has no row"):
        store.read_now(Transaction.read_artifact, file.id)


async def test_a_file_stays_when_the_write_that_would_release_it_fails(store: Store) -> None:
    def rule(tx: Transaction) -> None:
        tx.release_artifact(file.id)
        raise LookupError

    file = store.artifacts.write(b"kept")
    await store.write(Transaction.add_artifact, file)
    with pytest.raises(LookupError):
        await store.write(rule)
    assert store.read_now(Transaction.read_artifact, file.id) == b"kept"


async def test_a_file_without_a_row_can_be_neither_kept_nor_released(store: Store) -> None:
    for rule in (Transaction.keep_artifact, Transaction.release_artifact):
        with pytest.raises(DamagedArtifact, match="artifact unknown has no row"):
            await store.write(rule, "unknown")


async def test_a_start_removes_what_no_row_points_at_and_only_that(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    kept = [store.artifacts.write(bytes([number])) for number in range(30)]
    for file in kept:
        await store.write(Transaction.add_artifact, file)
    for number in range(30):
        store.artifacts.write(bytes([number]))  # its transaction never came
    (store.artifacts.path(kept[0].id).parent / f"{kept[0].id}.tmp").write_bytes(b"half")
    store.close()
    again = Store.open(tmp_path)
    assert files_in(again.artifacts.folder) == sorted(file.id for file in kept)
    for file in kept:
        assert again.read_now(Transaction.read_artifact, file.id) == again.artifacts.read(file.id, file.digest)
    again.close()
