"""What a domain function is given: the database, the time, the artifacts, and a way to act after the commit."""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, bindparam, select
from sqlmodel import Session

from mock_server.store.artifacts import Artifacts, DamagedArtifact, StoredFile
from mock_server.store.prepared import Command, Query
from mock_server.store.tables import ARTIFACTS, Artifact

R = TypeVar("R")

_THIS: Final = ARTIFACTS.c.id == bindparam("artifact")
_ADD: Final = Command(ARTIFACTS.insert().values({column: bindparam(column.name) for column in ARTIFACTS.c}))
_COUNT: Final = Command(ARTIFACTS.update().where(_THIS).values(refs=ARTIFACTS.c.refs + bindparam("more")))
_DELETE: Final = Command(ARTIFACTS.delete().where(_THIS))
_GET: Final = Query[Artifact](select(ARTIFACTS).where(_THIS))


class Transaction:
    """One short transaction.

    A rule that writes may be run a second time when another write of its group failed, so whatever must happen
    exactly once, and outside the database, belongs into `after_commit`.
    """

    def __init__(self, connection: Connection, artifacts: Artifacts, clock: Callable[[str], float]) -> None:
        """clock: what the time is for a tenant."""
        self.connection = connection
        self.artifacts = artifacts
        self._clock = clock
        self._times: dict[str, float] = {}
        self.hooks: list[Callable[[], object]] = []

    def now(self, tenant: str) -> float:
        """Seconds since the epoch, UTC, by the tenant's clock: the same throughout the transaction."""
        found = self._times.get(tenant)
        if found is None:
            found = self._times[tenant] = self._clock(tenant)
        return found

    # The database, by prepared statements for the hottest rules and by the ORM for the others.

    def rows(self, query: Query[R], **parameters: Any) -> list[R]:
        """All rows that the query finds."""
        self.flush()
        return query.rows(self.connection, parameters)

    def row(self, query: Query[R], **parameters: Any) -> R | None:
        """Its first row."""
        found = self.rows(query, **parameters)
        return found[0] if found else None

    def run(self, command: Command, **parameters: Any) -> int:
        """Execute the command; returns how many rows it changed."""
        return self.run_many(command, [parameters])

    def run_many(self, command: Command, rows: Iterable[Mapping[str, Any]]) -> int:
        """The same for many rows of parameters."""
        self.flush()
        return command.run(self.connection, rows)

    def run_each(self, command: Command, rows: Iterable[Mapping[str, Any]]) -> list[int]:
        """The same, telling for each row of parameters how many rows it changed."""
        self.flush()
        return command.run_each(self.connection, rows)

    @cached_property
    def session(self) -> Session:
        # A flush that fails undoes its own write's savepoint, never the group's transaction.
        return Session(self.connection, expire_on_commit=False, join_transaction_mode="rollback_only")

    def flush(self) -> None:
        """Send what the ORM holds back, so that statements beside it see the same."""
        if "session" in self.__dict__:
            self.session.flush()

    def close(self) -> None:
        if "session" in self.__dict__:
            self.session.close()

    def after_commit(self, hook: Callable[[], object]) -> None:
        self.hooks.append(hook)

    # Artifacts.

    def add_artifact(self, file: StoredFile) -> str:
        """A row for a file that was just written, with one reference: the caller's."""
        self.run(_ADD, id=file.id, size_bytes=file.size_bytes, digest=file.digest, refs=1)
        return file.id

    def keep_artifact(self, artifact: str) -> None:
        """One more row points at a file that already has a row."""
        if not self.run(_COUNT, artifact=artifact, more=1):
            raise DamagedArtifact(f"artifact {artifact} has no row")

    def release_artifact(self, artifact: str | None) -> None:
        """One row less points at it; the file goes with the last one.

        Row first, file after the commit: a file without a row is litter, a row without a file is corruption.
        """
        if artifact is None:
            return
        row = self.row(_GET, artifact=artifact)
        if row is None:
            raise DamagedArtifact(f"artifact {artifact} has no row")
        if row.refs > 1:
            self.run(_COUNT, artifact=artifact, more=-1)
        else:
            self.run(_DELETE, artifact=artifact)
            self.after_commit(lambda: self.artifacts.remove(artifact))

    def discard(self, file: StoredFile) -> None:
        """No row came to point at this file, which was just written: it goes with the commit."""
        self.after_commit(lambda: self.artifacts.remove(file.id))

    def read_artifact(self, artifact: str) -> bytes:
        """Its content, checked against the digest of its row; DamagedArtifact where it is not what was written."""
        row = self.row(_GET, artifact=artifact)
        if row is None:
            raise DamagedArtifact(f"artifact {artifact} has no row")
        return self.artifacts.read(artifact, row.digest)
