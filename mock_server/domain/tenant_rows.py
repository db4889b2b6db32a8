"""All that one tenant has, as rows: erased, taken down, put back. What a row is about, nothing here knows."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any, Final

from sqlalchemy import Table, select

from mock_server.domain.errors import Invalid
from mock_server.store import DamagedArtifact, Rows, StoredFile, Transaction
from mock_server.store.tables import (
    ARTIFACTS,
    AUDIT,
    CHECKPOINTS,
    CUSTOM_LOSSES,
    OPERATIONS,
    RUNS,
    SAMPLERS,
    SESSIONS,
    TENANTS,
    USAGE,
)

FILES: Final[Mapping[Table, tuple[str, ...]]] = {
    TENANTS: (),
    SESSIONS: (),
    RUNS: ("snapshot",),
    CHECKPOINTS: ("artifact",),
    SAMPLERS: ("artifact",),
    CUSTOM_LOSSES: (),
    OPERATIONS: ("body_file", "result_file"),
    USAGE: (),
    AUDIT: (),
}
"""Every table that holds something of a tenant, with its columns that name an artifact."""


def erase(tx: Transaction, tenant: str) -> None:
    """Leave nothing of the tenant, nor any file that nobody else's rows point at."""
    tx.flush()
    for table, columns in FILES.items():
        own = _owner(table) == tenant
        if columns:
            named = tx.connection.execute(select(*(table.c[column] for column in columns)).where(own)).all()
            for artifact in chain.from_iterable(named):
                # One that a corruption left without a row has nothing to be released.
                with suppress(DamagedArtifact):
                    tx.release_artifact(artifact)
        tx.connection.execute(table.delete().where(own))


def taken_down(tx: Transaction, tenant: str) -> Rows:
    """All rows of the tenant, oldest first."""
    tx.flush()
    found: dict[str, list[dict[str, Any]]] = {}
    for table in FILES:
        order = table.c.number if "number" in table.c else table.c.created_at if "created_at" in table.c else None
        wanted = select(table).where(_owner(table) == tenant)
        rows = tx.connection.execute(wanted if order is None else wanted.order_by(order)).mappings()
        found[table.name] = [dict(row) for row in rows]
    return found


def put_back(tx: Transaction, rows: Rows, files: Mapping[str, StoredFile]) -> None:
    """Let these be the tenant's rows, who must have none. files: what each artifact is now, by its name in the rows.

    A row whose artifact is not among them points at nothing, as it did.
    """
    held: set[str] = set()
    for artifact in references(rows):
        if artifact in held:
            tx.keep_artifact(files[artifact].id)
        elif artifact in files:
            tx.add_artifact(files[artifact])
            held.add(artifact)
    for table, columns in FILES.items():
        given = [_renamed(row, columns, files) for row in rows[table.name]]
        if given:
            tx.connection.execute(table.insert(), given)


def session_ids(tx: Transaction, tenant: str) -> set[str]:
    return set(tx.connection.execute(select(SESSIONS.c.id).where(SESSIONS.c.tenant == tenant)).scalars())


def references(rows: Rows) -> Iterator[str]:
    """The artifact of each reference in the rows."""
    for table, columns in FILES.items():
        for row in rows[table.name]:
            yield from (row[column] for column in columns if row[column] is not None)


def files_of(tx: Transaction, rows: Rows) -> dict[str, StoredFile]:
    """What is written down of each artifact that the rows point at; whether it is true is another matter."""
    found = {}
    for name in sorted(set(references(rows))):
        row = tx.connection.execute(select(ARTIFACTS).where(ARTIFACTS.c.id == name)).one_or_none()
        if row is not None:
            found[name] = StoredFile(row.id, row.size_bytes, row.digest)
    return found


def check_fit(rows: Rows, tenant: str) -> None:
    """Refuse rows that are not this tenant's, or not of these tables: what they lack would have to be guessed."""
    for table in FILES:
        columns = {column.name for column in table.c}
        for row in rows.get(table.name, ()):
            if set(row) != columns:
                odd = ", ".join(sorted(set(row) ^ columns))
                raise Invalid(f"its rows of {table.name} are of another version of this server: they differ in {odd}")
            if row[_owner(table).name] != tenant:
                raise Invalid("it is of another tenant: restore it with the key that it was saved with")
    if missing := sorted({table.name for table in FILES} ^ set(rows)):
        raise Invalid(f"it is of another version of this server: they differ in the tables {', '.join(missing)}")


def _owner(table: Table) -> Any:
    return table.c.id if table is TENANTS else table.c.tenant


def _renamed(row: Mapping[str, Any], columns: Sequence[str], files: Mapping[str, StoredFile]) -> dict[str, Any]:
    named = {column: files[row[column]].id for column in columns if row[column] in files}
    # The database numbers rows anew: their numbers order them, and mean nothing else.
    return {name: value for name, value in {**row, **named}.items() if name != "number"}
