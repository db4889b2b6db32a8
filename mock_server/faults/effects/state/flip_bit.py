"""A bit of a file is another."""

from random import Random

import numpy as np

from mock_server.faults.checkpoint_files import give_file, overwrite, set_digest
from mock_server.faults.registry import fault
from mock_server.faults.scene import CHECKPOINT, Corruption, Scene


@fault("flip_bit", "in_state")
class FlipBit(Corruption):
    """One bit of the checkpoint's file is flipped on the disk: one of its numbers becomes twice or half of what it was.
    The server notices, and refuses to read it; `noticed: false` lets its digest fit, so that the wrong number is loaded
    as if nothing were wrong.
    """

    checkpoint: str | None = CHECKPOINT
    noticed: bool = True

    async def corrupt(self, scene: Scene) -> None:
        store = scene.runtime.store
        artifact = await give_file(store, scene.checkpoint(self.checkpoint))
        content = _flipped(store.artifacts.read(artifact), scene.random)
        overwrite(store.artifacts.path(artifact), content)
        if not self.noticed:
            await store.write(set_digest, artifact, store.artifacts.digest(content))


def _flipped(content: bytes, random: Random) -> bytes:
    """The file ends in weights, float32 and little-endian; of one that is not 0, the exponent's lowest bit."""
    numbers = np.frombuffer(content, "<u4", offset=len(content) % 4).copy()
    behind = len(numbers) * 3 // 4
    place = behind + int(random.choice(np.flatnonzero(numbers[behind:])))
    numbers[place] ^= 1 << 23
    return content[: len(content) % 4] + numbers.tobytes()
