"""The schema's version: made at the first start, brought up to date at later ones, refused when it is newer."""

from collections.abc import Callable, Mapping

from sqlalchemy import Connection, inspect, text
from sqlmodel import SQLModel

from mock_server.store.errors import StoreError
from mock_server.store.tables import SCHEMA_VERSION

Step = Callable[[Connection], None]

STEPS: Mapping[int, Step] = {}
"""From version n to n + 1. A step is never changed once released: a directory somewhere has run it."""


def prepare_schema(connection: Connection, steps: Mapping[int, Step] = STEPS, target: int = SCHEMA_VERSION) -> None:
    """Bring the database to `target` within the caller's transaction: all of it or nothing."""
    if not inspect(connection).has_table("meta"):
        SQLModel.metadata.create_all(connection)
        connection.execute(text("INSERT INTO meta (key, value) VALUES ('schema_version', :v)"), {"v": str(target)})
        return
    found = int(connection.execute(text("SELECT value FROM meta WHERE key = 'schema_version'")).scalar_one())
    if found > target:
        raise StoreError(
            f"the data directory has schema version {found}, this server knows {target}: "
            "upgrade tinker-mock, or use another --data-dir"
        )
    for version in range(found, target):
        if version not in steps:
            raise StoreError(f"no migration leads from schema version {version} to {version + 1}")
        steps[version](connection)
    connection.execute(text("UPDATE meta SET value = :v WHERE key = 'schema_version'"), {"v": str(target)})
