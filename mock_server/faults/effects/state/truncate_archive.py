"""An archive ends too soon on the disk."""

from pydantic import Field

from mock_server.faults.archives import change_archive
from mock_server.faults.registry import fault
from mock_server.faults.scene import CHECKPOINT, Corruption, Scene


@fault("truncate_archive", "in_state")
class TruncateArchive(Corruption):
    """The checkpoint's file becomes its archive, of which only this part is left on the disk: downloads get that, whole
    as it seems, and it can't be loaded any more.
    """

    checkpoint: str | None = CHECKPOINT
    part: float = Field(default=0.5, ge=0, lt=1)

    async def corrupt(self, scene: Scene) -> None:
        await change_archive(scene, self.checkpoint, lambda content: content[: max(int(len(content) * self.part), 600)])
