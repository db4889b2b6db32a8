"""A checkpoint's time is over."""

from mock_server.faults.registry import fault
from mock_server.faults.scene import CHECKPOINT, Corruption, Scene
from mock_server.store import Transaction
from mock_server.store.tables import CHECKPOINTS, Checkpoint


@fault("expire_checkpoint", "in_state")
class ExpireCheckpoint(Corruption):
    """The checkpoint's time to live is over, whatever it was."""

    checkpoint: str | None = CHECKPOINT

    async def corrupt(self, scene: Scene) -> None:
        await scene.runtime.store.write(_expire, scene.checkpoint(self.checkpoint))


def _expire(tx: Transaction, checkpoint: Checkpoint) -> None:
    this = CHECKPOINTS.c.number == checkpoint.number
    tx.connection.execute(CHECKPOINTS.update().where(this).values(expires_at=tx.now(checkpoint.tenant)))
