"""A row without its file."""

from mock_server.faults.checkpoint_files import give_file
from mock_server.faults.registry import fault
from mock_server.faults.scene import CHECKPOINT, Corruption, Scene


@fault("lose_file", "in_state")
class LoseFile(Corruption):
    """The checkpoint's file is gone from the disk: it is listed and described as before, and can be neither loaded nor
    downloaded. Samplers that exist already have weights of their own.
    """

    checkpoint: str | None = CHECKPOINT

    async def corrupt(self, scene: Scene) -> None:
        store = scene.runtime.store
        store.artifacts.remove(await give_file(store, scene.checkpoint(self.checkpoint)))
