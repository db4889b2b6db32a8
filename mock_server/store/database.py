"""SQLite: how its connections are made, and what its errors mean. The one module that knows its pragmas.

WAL, so that readers never wait for the writer. `power` durability is synchronous=FULL: a commit returns when it would
survive a power cut; group commit makes that one fsync for all writes that wait. `process` leaves the flushing to the
operating system: a killed server loses nothing, a power cut the last moments, and neither damages the database.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from sqlmodel import create_engine

_MAY_PASS: Final = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
}


def open_engine(file: Path, *, durability: str) -> Engine:
    """An engine whose connections begin immediately and are never pooled: the store owns the two that it needs."""
    engine = create_engine(
        # An URL in text would end at a question mark in the directory's name.
        URL.create("sqlite", database=str(file)),
        poolclass=NullPool,
        connect_args={"check_same_thread": False, "timeout": 30, "isolation_level": None},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        for pragma in (
            "journal_mode = WAL",
            f"synchronous = {'FULL' if durability == 'power' else 'NORMAL'}",
            f"fullfsync = {durability == 'power'}",  # what macOS has for an fsync that reaches the disk
            "temp_store = MEMORY",
            "cache_size = -8000",  # 8 MB a connection: idle memory matters more here than a warm cache
            "journal_size_limit = 67108864",
            "wal_autocheckpoint = 2000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that turns into a write can fail half-way; ours know what they are.
        if not connection.get_execution_options().get("reader"):
            connection.connection.cursor().execute("BEGIN IMMEDIATE")

    return engine


def open_reader(engine: Engine) -> Connection:
    """The connection that only reads, each time within a `snapshot`."""
    return engine.connect().execution_options(reader=True)


@contextmanager
def snapshot(reader: Connection) -> Iterator[None]:
    """What is read within it is of one moment.

    By the driver: SQLAlchemy's own begin and commit take longer than the read of a row.
    """
    driver: Any = reader.connection.driver_connection
    driver.execute("BEGIN")
    try:
        yield
    finally:
        if driver.in_transaction:  # an ORM session of a rule ends the transaction with its own
            driver.execute("COMMIT")


def storage_fault(error: BaseException | None) -> str | None:
    """What keeps the database from being written, where it can pass (a full disk); None for any other error.

    It may be why another error was raised: SQLite ends the transaction, and then its savepoints are not found.
    """
    while error is not None:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(cause, sqlite3.Error) and getattr(cause, "sqlite_errorcode", 0) & 0xFF in _MAY_PASS:
            return str(cause)
        error = error.__context__
    return None
