"""Numbered rows for tests of the store, in the table that has the fewest columns."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event, select

from mock_server.store import Store, Transaction
from mock_server.store.tables import META


def note(tx: Transaction, key: str, value: str = "") -> str:
    """Write a row down; a second one of the same key is an error of the database."""
    tx.connection.execute(META.insert().values(key=f"note {key}", value=value))
    return key


def notes(tx: Transaction) -> list[str]:
    """All keys, sorted."""
    rows = tx.connection.execute(select(META.c.key).where(META.c.key.like("note %")).order_by(META.c.key))
    return [key.removeprefix("note ") for key in rows.scalars()]


@contextmanager
def held_up(store: Store) -> Iterator[None]:
    """Keep the writer from its work until the block ends, so that what is asked for meanwhile makes one group."""
    entered, leave = threading.Event(), threading.Event()

    def hold(_: Transaction) -> None:
        entered.set()
        leave.wait()

    store.write_later(hold)
    assert entered.wait(10)
    try:
        yield
    finally:
        leave.set()


@contextmanager
def counted_commits(store: Store) -> Iterator[list[int]]:
    """A list with an item for each commit of the writer."""
    commits: list[int] = []

    def count(_: object) -> None:
        commits.append(len(commits))

    connection = store._writer._connection
    event.listen(connection, "commit", count)
    try:
        yield commits
    finally:
        event.remove(connection, "commit", count)
