"""A checkpoint's archive on the disk, in place of the weights that archives are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_server.domain.exports import is_archive
from mock_server.faults.checkpoint_files import give_file, overwrite, path_of, set_digest
from mock_server.runtime.exports import export

if TYPE_CHECKING:
    from collections.abc import Callable

    from mock_server.faults.scene import Scene


async def change_archive(scene: Scene, named: str | None, how: Callable[[bytes], bytes]) -> None:
    """Store the named checkpoint's archive, of tiny shapes whatever is set, as its file, and change it there."""
    store, checkpoint = scene.runtime.store, scene.checkpoint(named)
    content = store.artifacts.read(checkpoint.artifact)
    if not is_archive(content):
        made = await export(store, scene.runtime.catalogue, scene.tenant, path_of(checkpoint), "tiny")
        whole = made.archive()
        content = b"".join(whole.read(0, whole.size))
    artifact = await give_file(store, checkpoint, content)
    changed = how(content)
    overwrite(store.artifacts.path(artifact), changed)
    await store.write(set_digest, artifact, store.artifacts.digest(changed))
