"""The schema's version: made at the first start, brought up to date at later ones, refused when it is newer."""

from collections.abc import Callable, Mapping

from sqlalchemy import Connection, inspect, select, text
from sqlmodel import SQLModel

from mock_server.store.errors import StoreError
from mock_server.store.tables import META, SCHEMA_VERSION

Step = Callable[[Connection], None]


def _clocks(connection: Connection) -> None:
    """1 to 2: tenants have clocks of their own."""
    connection.execute(
        text(
            "CREATE TABLE clock (tenant VARCHAR NOT NULL, mode VARCHAR, ahead FLOAT NOT NULL, stands_at FLOAT, "
            "PRIMARY KEY (tenant))"
        )
    )


STEPS: Mapping[int, Step] = {1: _clocks}
"""From version n to n + 1. A step is never changed once released: a directory somewhere has run it."""

_VERSION = META.c.key == "schema_version"


def prepare_schema(connection: Connection, steps: Mapping[int, Step] = STEPS, target: int = SCHEMA_VERSION) -> None:
    """Bring the database to `target` within the caller's transaction: all of it or nothing.

    StoreError says what the data directory is or has: the caller knows its name.
    """
    tables = inspect(connection).get_table_names()
    if not tables:
        SQLModel.metadata.create_all(connection)
        connection.execute(META.insert().values(key="schema_version", value=str(target)))
        return
    found = _version(connection) if META.name in tables else None
    if found is None:
        raise StoreError("holds a database that is not tinker-mock's: use another --data-dir")
    if found > target:
        raise StoreError(
            f"has schema version {found}, this server knows {target}: upgrade tinker-mock, or use another --data-dir"
        )
    if found == target:
        return
    for version in range(found, target):
        if version not in steps:
            raise StoreError(f"has schema version {version}, and no step leads from there to {version + 1}")
        steps[version](connection)
    connection.execute(META.update().where(_VERSION).values(value=str(target)))


def _version(connection: Connection) -> int | None:
    value = connection.execute(select(META.c.value).where(_VERSION)).scalar()
    return int(value) if value is not None and value.isdecimal() else None
