"""What a domain function is given: a session, the time, the artifacts, and a way to act after the commit."""

from collections.abc import Callable
from functools import cached_property

from sqlalchemy import Connection, Table, select
from sqlmodel import Session

from mock_server.store.artifacts import Artifacts, StoredFile
from mock_server.store.tables import Artifact

ARTIFACTS: Table = Artifact.__table__  # type: ignore[attr-defined]  # SQLModel does not declare what it makes


class Transaction:
    """One short transaction.

    A rule that writes may be run a second time when another write of its group failed, so whatever must happen
    exactly once, and outside the database, belongs into `after_commit`.
    """

    def __init__(self, connection: Connection, artifacts: Artifacts, now: float) -> None:
        self.connection = connection
        self.artifacts = artifacts
        self.now = now
        """Seconds since the epoch, UTC, of the server's clock."""
        self.hooks: list[Callable[[], object]] = []

    @cached_property
    def session(self) -> Session:
        """The ORM session, made only for rules that want one: the hottest ones speak Core to `connection`."""
        return Session(self.connection, expire_on_commit=False)

    def after_commit(self, hook: Callable[[], object]) -> None:
        self.hooks.append(hook)

    def flush(self) -> None:
        if "session" in self.__dict__:
            self.session.flush()

    def close(self) -> None:
        if "session" in self.__dict__:
            self.session.close()

    def add_artifact(self, file: StoredFile) -> str:
        """A row for a file that was just written, with one reference: the caller's."""
        row = {"id": file.id, "size_bytes": file.size_bytes, "digest": file.digest, "refs": 1}
        self.connection.execute(ARTIFACTS.insert(), row)
        return file.id

    def keep_artifact(self, artifact: str) -> None:
        """One more row points at a file that already has a row."""
        self.flush()
        self.connection.execute(ARTIFACTS.update().where(ARTIFACTS.c.id == artifact).values(refs=ARTIFACTS.c.refs + 1))

    def release_artifact(self, artifact: str | None) -> None:
        """One row less points at it; the file goes with the last one.

        Row first, file after the commit: a file without a row is litter, a row without a file is corruption.
        """
        if artifact is None:
            return
        self.flush()
        this = ARTIFACTS.c.id == artifact
        refs = self.connection.execute(select(ARTIFACTS.c.refs).where(this)).scalar_one()
        if refs > 1:
            self.connection.execute(ARTIFACTS.update().where(this).values(refs=refs - 1))
        else:
            self.connection.execute(ARTIFACTS.delete().where(this))
            self.after_commit(lambda: self.artifacts.remove(artifact))

    def read_artifact(self, artifact: str) -> bytes:
        """Its content, checked against the digest of its row; DamagedArtifact where it is not what was written."""
        digest = self.connection.execute(select(ARTIFACTS.c.digest).where(ARTIFACTS.c.id == artifact)).scalar()
        return self.artifacts.read(artifact, digest)
