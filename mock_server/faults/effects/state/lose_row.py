"""A file without its row."""

from mock_server.domain import accounts, usage
from mock_server.faults.checkpoint_files import give_file
from mock_server.faults.registry import fault
from mock_server.faults.scene import CHECKPOINT, Corruption, Scene
from mock_server.store import Transaction
from mock_server.store.tables import ARTIFACTS, CHECKPOINTS, Checkpoint


@fault("lose_row", "in_state")
class LoseRow(Corruption):
    """The server forgets the checkpoint, of which no delete tells: it does not exist, though its file lies on the disk
    until the server's next start.
    """

    checkpoint: str | None = CHECKPOINT

    async def corrupt(self, scene: Scene) -> None:
        checkpoint = scene.checkpoint(self.checkpoint)
        artifact = await give_file(scene.runtime.store, checkpoint)
        await scene.runtime.store.write(_forget, checkpoint, artifact)


def _forget(tx: Transaction, checkpoint: Checkpoint, artifact: str) -> None:
    accounts.count(tx, checkpoint.tenant, checkpoints=-1)
    usage.removed(tx, checkpoint)
    tx.connection.execute(CHECKPOINTS.delete().where(CHECKPOINTS.c.number == checkpoint.number))
    tx.connection.execute(ARTIFACTS.delete().where(ARTIFACTS.c.id == artifact))
