"""A disk without room: nothing acknowledged is lost, everybody is told, and work goes on when there is room again."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mock_server.store import StorageUnavailable, Store, Transaction
from tests.store.notes import held_up, note, notes

PAGE = "x" * 5000


def set_room(tx: Transaction, pages: int) -> None:
    """So many more pages than the database has by now."""
    used = tx.connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    tx.connection.exec_driver_sql(f"PRAGMA max_page_count = {used + pages}")


def make_room(store: Store) -> None:
    """As somebody does who deletes other files: not through the writer, which is waiting for it."""
    store._writer._connection.connection.cursor().execute("PRAGMA max_page_count = 100000")


async def test_a_write_without_room_is_refused_and_keeps_nothing(store: Store) -> None:
    await store.write(note, "acknowledged", PAGE)
    await store.write(set_room, 0)
    with pytest.raises(StorageUnavailable, match="the database can't be written: database or disk is full"):
        await store.write(note, "refused", PAGE * 10)
    assert store.read_now(notes) == ["acknowledged"]
    make_room(store)
    await store.write(note, "refused", PAGE * 10)
    assert len(store.read_now(notes)) == 2


async def test_writes_without_a_caller_wait_for_room_in_their_order(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("mock_server.store.writer.RETRY_SECONDS", 0.01)
    hooks: list[int] = []
    done = threading.Event()

    def rule(tx: Transaction, number: int) -> None:
        assert len(notes(tx)) == number
        note(tx, str(number), PAGE)
        tx.after_commit(lambda: hooks.append(number))
        if number == 19:
            tx.after_commit(done.set)

    await store.write(set_room, 0)
    for number in range(20):
        store.write_later(rule, number)
    for _ in range(3):
        with pytest.raises(StorageUnavailable):
            await store.write(note, "refused", PAGE)
    make_room(store)
    assert await asyncio.to_thread(done.wait, 10)
    assert hooks == list(range(20))
    assert sorted(store.read_now(notes), key=int) == [str(number) for number in range(20)]
    assert "are kept and tried again" in caplog.text


async def test_all_who_wait_are_told_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those behind the group that can't be stored: they may not be done before it."""
    monkeypatch.setattr("mock_server.store.writer.GROUP_LIMIT", 5)
    await store.write(set_room, 0)
    with held_up(store):
        store.write_later(note, "kept back", PAGE * 10)
        waiting = [asyncio.create_task(store.write(note, str(number))) for number in range(20)]
        await asyncio.sleep(0)
    errors = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 10)
    assert {type(error) for error in errors} == {StorageUnavailable}
    make_room(store)
    assert await store.write(note, "after") == "after"
    assert sorted(store.read_now(notes)) == ["after", "kept back"]


async def test_a_disk_that_fills_while_a_group_is_sorted_out_is_a_full_disk_all_the_same(store: Store) -> None:
    """SQLite ends the whole transaction then, savepoints and all."""

    def refuse(_: Transaction) -> None:
        raise LookupError

    await store.write(set_room, 0)
    with held_up(store):
        rules = (refuse, lambda tx: note(tx, "small"), lambda tx: note(tx, "large", PAGE * 10))
        waiting = [asyncio.create_task(store.write(rule)) for rule in rules]
        await asyncio.sleep(0)
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(error) for error in errors} == {StorageUnavailable}
    assert store.read_now(notes) == []
    make_room(store)
    assert await store.write(note, "after") == "after"


def test_closing_on_a_full_disk_ends(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = Store.open(tmp_path)
    asyncio.run(store.write(set_room, 0))
    store.write_later(note, "lost", PAGE * 10)
    store.close()
    assert "left to the next start" in caplog.text


LIMITED = """
import asyncio, resource, signal, sys
from pathlib import Path
from mock_server.store import StorageUnavailable, Store
from tests.store.notes import note, notes

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
LIMIT = 1 << 20

async def main() -> None:
    store = Store.open(Path(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, resource.RLIM_INFINITY))
    acknowledged = 0
    try:
        while True:
            await store.write(note, str(acknowledged), "x" * 20000)
            acknowledged += 1
    except StorageUnavailable as error:
        print(error)
    try:
        store.artifacts.write(bytes(2 * LIMIT))
    except StorageUnavailable as error:
        print(error)
    print([path.name for path in store.artifacts.folder.rglob("*") if path.is_file()])
    assert len(store.read_now(notes)) == acknowledged
    store.write_later(note, "later", "x" * 20000)
    await asyncio.sleep(0.5)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await store.write(note, "again")
    print(acknowledged, len(store.read_now(notes)))
    store.close()

asyncio.run(main())
"""


def test_a_file_that_may_not_grow_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """The kernel's own limit, as a full disk gives it: in the middle of a write."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    database, artifact, litter, counts = done.stdout.splitlines()
    assert database.startswith("the database can't be written: disk I/O error")
    assert artifact == f"could not write 2,097,152 bytes to {tmp_path / 'artifacts'}: File too large"
    assert litter == "[]"
    acknowledged, found = map(int, counts.split())
    assert acknowledged > 10
    assert found == acknowledged + 2
    store = Store.open(tmp_path)
    assert len(store.read_now(notes)) == acknowledged + 2
    store.close()
