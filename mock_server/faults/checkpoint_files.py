"""A checkpoint's file: made its own, since others may share it, and changed behind its row's back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_server.domain.paths import CheckpointPath, kind_of
from mock_server.store.tables import ARTIFACTS, CHECKPOINTS

if TYPE_CHECKING:
    from pathlib import Path

    from mock_server.store import Store, StoredFile, Transaction
    from mock_server.store.tables import Checkpoint


async def give_file(store: Store, checkpoint: Checkpoint, content: bytes | None = None) -> str:
    """Give the checkpoint a file with this content, or with that of its own; returns the artifact's id."""
    if content is None:
        content = store.artifacts.read(checkpoint.artifact)
    file = store.artifacts.write(content)
    await store.write(_repoint, checkpoint, file)
    return file.id


def path_of(checkpoint: Checkpoint) -> CheckpointPath:
    return CheckpointPath(checkpoint.training_run_id, kind_of(checkpoint.kind), checkpoint.name)


def set_digest(tx: Transaction, artifact: str, digest: str) -> None:
    """Let the row say that the file has this digest, whatever it has."""
    tx.connection.execute(ARTIFACTS.update().where(ARTIFACTS.c.id == artifact).values(digest=digest))


def overwrite(path: Path, content: bytes) -> None:
    """Change the file itself, as a failing disk would."""
    with path.open("r+b") as file:
        file.write(content)
        file.truncate()


def _repoint(tx: Transaction, checkpoint: Checkpoint, file: StoredFile) -> None:
    artifact = tx.add_artifact(file)
    this = CHECKPOINTS.c.number == checkpoint.number
    tx.connection.execute(CHECKPOINTS.update().where(this).values(artifact=artifact))
    tx.release_artifact(checkpoint.artifact)
