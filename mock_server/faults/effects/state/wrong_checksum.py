"""A checksum does not fit."""

from typing import Literal

from mock_server.faults.archives import change_archive
from mock_server.faults.checkpoint_files import give_file, set_digest
from mock_server.faults.registry import fault
from mock_server.faults.scene import CHECKPOINT, Corruption, Scene


@fault("wrong_checksum", "in_state")
class WrongChecksum(Corruption):
    """The checksum does not fit: `of: file`, what the server noted of the checkpoint's file, which it refuses to read
    from then on; `of: archive`, that of the first member's header in its archive, which becomes its file.
    """

    checkpoint: str | None = CHECKPOINT
    of: Literal["file", "archive"] = "file"

    async def corrupt(self, scene: Scene) -> None:
        if self.of == "archive":
            await change_archive(scene, self.checkpoint, _spoilt)
        else:
            artifact = await give_file(scene.runtime.store, scene.checkpoint(self.checkpoint))
            await scene.runtime.store.write(set_digest, artifact, "0" * 32)


def _spoilt(content: bytes) -> bytes:
    """A tar's header has its checksum at byte 148, in octal."""
    return content[:148] + b"0000000" + content[155:]
