"""SQLite: how its connections are made. The one module that knows its pragmas.

WAL, so that readers never wait for the writer. `power` durability is synchronous=FULL: a commit returns when it would
survive a power cut; group commit makes that one fsync for all writes that wait. `process` leaves the flushing to the
operating system: a killed server loses nothing, a power cut the last moments, and neither damages the file.
"""

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.pool import NullPool
from sqlmodel import create_engine


def open_engine(file: Path, *, durability: str) -> Engine:
    """An engine whose connections begin immediately and are never pooled: the store owns the two that it needs."""
    engine = create_engine(
        f"sqlite:///{file}",
        poolclass=NullPool,
        connect_args={"check_same_thread": False, "timeout": 30, "isolation_level": None},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        for pragma in (
            "journal_mode = WAL",
            f"synchronous = {'FULL' if durability == 'power' else 'NORMAL'}",
            "foreign_keys = ON",
            "temp_store = MEMORY",
            "cache_size = -8000",  # 8 MB a connection: idle memory matters more here than a warm cache
            "journal_size_limit = 67108864",
            "wal_autocheckpoint = 2000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        # A deferred transaction that turns into a write can fail half-way; ours know what they are.
        connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("reader") else "BEGIN IMMEDIATE")

    return engine
