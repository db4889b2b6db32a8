"""Opening a data directory: who may, what is refused and in which words, and what is the same ever after."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from mock_server.store import Store, StoreError
from mock_server.store.database import open_engine
from mock_server.store.migrations import Step, prepare_schema
from mock_server.store.tables import SCHEMA_VERSION

HOLDER = """
import sys
from pathlib import Path
from mock_server.store import Store
store = Store.open(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""


def opened_and_closed(directory: Path, *, seed: int | None = None) -> Store:
    store = Store.open(directory, seed=seed)
    store.close()
    return store


def pragma(store: Store, name: str) -> object:
    return store.read_now(lambda tx: tx.connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())


def test_a_directory_has_one_server_until_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(StoreError) as refused:
            Store.open(tmp_path)
        assert f"the data directory {tmp_path} is in use by another server (process {holder.pid})" in str(refused.value)
        assert "--data-dir" in str(refused.value)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    opened_and_closed(tmp_path)


def test_a_refused_server_leaves_the_directory_to_the_other(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    for _ in range(2):  # a refusal that let go of the lock would show at the second
        with pytest.raises(StoreError, match=f"process {os.getpid()}"):
            Store.open(tmp_path)
    store.close()
    opened_and_closed(tmp_path)


def test_any_name_of_a_directory_will_do(tmp_path: Path) -> None:
    directory = tmp_path / "what? #1 100%/ä"
    opened_and_closed(directory)
    assert sorted(path.name for path in directory.iterdir()) == ["artifacts", "lock", "tinker.db"]


def test_the_seed_is_the_directorys_own(tmp_path: Path) -> None:
    assert opened_and_closed(tmp_path, seed=11).seed == 11
    assert opened_and_closed(tmp_path).seed == 11
    assert opened_and_closed(tmp_path, seed=11).seed == 11
    with pytest.raises(StoreError, match="was made with seed 11, not 12: leave --seed out, or use another --data-dir"):
        Store.open(tmp_path, seed=12)


def test_a_seed_that_nobody_gave_is_drawn_and_kept(tmp_path: Path) -> None:
    first, other = opened_and_closed(tmp_path / "first"), opened_and_closed(tmp_path / "other")
    assert first.seed != other.seed
    assert opened_and_closed(tmp_path / "first").seed == first.seed


def test_the_secret_is_kept_and_comes_from_no_seed(tmp_path: Path) -> None:
    first, other = opened_and_closed(tmp_path / "first", seed=5), opened_and_closed(tmp_path / "other", seed=5)
    assert len(first.secret) == 32
    assert first.secret != other.secret
    assert opened_and_closed(tmp_path / "first").secret == first.secret


@pytest.mark.parametrize(("durability", "synchronous"), [(None, 2), ("power", 2), ("process", 1)])
def test_the_default_survives_a_power_cut(tmp_path: Path, durability: str | None, synchronous: int) -> None:
    store = Store.open(tmp_path) if durability is None else Store.open(tmp_path, durability=durability)
    assert pragma(store, "synchronous") == synchronous  # 2: FULL, 1: NORMAL
    assert pragma(store, "journal_mode") == "wal"
    store.close()


def test_the_way_to_a_new_directory_is_synced_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[int, int]] = []
    fsync = os.fsync

    def recorded(descriptor: int) -> None:
        here = os.fstat(descriptor)
        synced.append((here.st_dev, here.st_ino))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", recorded)
    directory = tmp_path / "new" / "data"
    opened_and_closed(directory)
    for folder in (directory, directory.parent, tmp_path):
        assert (folder.stat().st_dev, folder.stat().st_ino) in synced


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to be read as one" * 100, b"\0" * 8192])
def test_a_file_that_is_no_database_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tinker.db").write_bytes(content)
    with pytest.raises(StoreError, match=rf"the data directory {tmp_path} can't be opened: file is not a database"):
        Store.open(tmp_path)
    assert (tmp_path / "tinker.db").read_bytes() == content


def test_a_damaged_database_is_refused_in_words(tmp_path: Path) -> None:
    opened_and_closed(tmp_path)
    content = bytearray((tmp_path / "tinker.db").read_bytes())
    content[100:4096] = bytes(3996)  # the page that says which tables there are
    (tmp_path / "tinker.db").write_bytes(content)
    with pytest.raises(StoreError, match=r"can't be opened: .*malformed"):
        Store.open(tmp_path)


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "tinker.db") as theirs:
        theirs.execute("CREATE TABLE theirs (x)")
    theirs.close()
    with pytest.raises(StoreError, match="holds a database that is not tinker-mock's"):
        Store.open(tmp_path)


def test_a_directory_that_cant_be_made_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=rf"the data directory {tmp_path}/file/data can't be written: Not a directory"):
        Store.open(tmp_path / "file" / "data")


def test_a_read_only_directory_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*_: object) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises(StoreError, match=rf"the data directory {tmp_path} can't be written: Read-only file system"):
        Store.open(tmp_path)


def test_a_database_that_cant_be_written_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root, permissions refuse nothing: SQLite itself is told that the file is read-only."""
    opened_and_closed(tmp_path)
    connect = sqlite3.connect

    def read_only(database: str, **options: object) -> sqlite3.Connection:
        return connect(f"file:{database}?mode=ro", uri=True, **options)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr("sqlite3.dbapi2.connect", read_only)
    with pytest.raises(StoreError, match=rf"the data directory {tmp_path} can't be opened: .*readonly database"):
        Store.open(tmp_path)


# The schema's version.


def add_colour(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE sampler ADD COLUMN colour VARCHAR"))
    connection.execute(text("INSERT INTO meta (key, value) VALUES ('colour', 'added')"))


def fail(_: Connection) -> None:
    raise LookupError("a step that does not work")


def migrate(directory: Path, steps: Mapping[int, Step], target: int) -> None:
    engine = open_engine(directory / "tinker.db", durability="process")
    try:
        with engine.begin() as connection:
            prepare_schema(connection, steps, target)
    finally:
        engine.dispose()


def state_of(directory: Path) -> tuple[str, bool, bool]:
    """The schema version, whether add_colour's row was written, and whether its column is there."""
    connection = sqlite3.connect(directory / "tinker.db")
    meta = dict(connection.execute("SELECT key, value FROM meta"))
    columns = {row[1] for row in connection.execute("PRAGMA table_info(sampler)")}
    connection.close()
    return meta["schema_version"], "colour" in meta, "colour" in columns


NEXT = SCHEMA_VERSION + 1


def test_a_newer_schema_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    opened_and_closed(tmp_path)
    migrate(tmp_path, {SCHEMA_VERSION: lambda _: None}, NEXT)
    with pytest.raises(
        StoreError,
        match=rf"{tmp_path} has schema version {NEXT}, this server knows {SCHEMA_VERSION}: upgrade tinker-mock",
    ):
        Store.open(tmp_path)
    assert state_of(tmp_path)[0] == str(NEXT)


def test_an_older_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    opened_and_closed(tmp_path)
    steps: dict[int, Callable[[Connection], None]] = {SCHEMA_VERSION: lambda _: None, NEXT: add_colour}
    migrate(tmp_path, steps, NEXT + 1)
    assert state_of(tmp_path) == (str(NEXT + 1), True, True)


def test_a_step_that_fails_leaves_the_directory_at_its_old_version(tmp_path: Path) -> None:
    opened_and_closed(tmp_path)
    with pytest.raises(LookupError):
        migrate(tmp_path, {SCHEMA_VERSION: add_colour, NEXT: fail}, NEXT + 1)
    assert state_of(tmp_path) == (str(SCHEMA_VERSION), False, False)
    opened_and_closed(tmp_path)


def test_a_missing_step_is_said_before_any_other_is_taken_for_good(tmp_path: Path) -> None:
    opened_and_closed(tmp_path)
    with pytest.raises(StoreError, match=f"no step leads from there to {NEXT + 1}"):
        migrate(tmp_path, {SCHEMA_VERSION: add_colour}, NEXT + 1)
    assert state_of(tmp_path) == (str(SCHEMA_VERSION), False, False)


def test_a_directory_of_version_1_is_given_what_a_new_one_has(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    tables = []
    for directory in (old, new):
        opened_and_closed(directory)
    connection = sqlite3.connect(old / "tinker.db")
    connection.executescript("DROP TABLE clock; UPDATE meta SET value = '1' WHERE key = 'schema_version'")
    connection.close()
    for directory in (old, new):
        opened_and_closed(directory)
        connection = sqlite3.connect(directory / "tinker.db")
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables.append({name: connection.execute(f"PRAGMA table_info({name})").fetchall() for name in names})
        connection.close()
    assert tables[0] == tables[1]
