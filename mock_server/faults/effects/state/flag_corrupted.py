"""A run is marked as corrupted."""

from mock_server.faults.registry import fault
from mock_server.faults.scene import RUN, Corruption, Scene
from mock_server.store import Transaction
from mock_server.store.tables import RUNS


@fault("flag_corrupted", "in_state")
class FlagCorrupted(Corruption):
    """The training run is marked `corrupted`: who asks for it sees that, and it takes no more operations; its
    checkpoints are as they were. `corrupted: false` takes the mark away.
    """

    run: str | None = RUN
    corrupted: bool = True

    async def corrupt(self, scene: Scene) -> None:
        async with scene.run(self.run) as worker:
            await scene.runtime.store.write(_mark, worker.run_id, corrupted=self.corrupted)
            worker.settled = False


def _mark(tx: Transaction, run_id: str, *, corrupted: bool) -> None:
    tx.connection.execute(RUNS.update().where(RUNS.c.id == run_id).values(corrupted=corrupted))
