"""A run's weights are lost."""

from mock_server.faults.registry import fault
from mock_server.faults.scene import RUN, Corruption, Scene


@fault("lose_weights", "in_state")
class LoseWeights(Corruption):
    """The training run's weights are lost, in memory and on the disk. The next operation that needs them fails, and the
    run is `corrupted`; its checkpoints are as they were.
    """

    run: str | None = RUN

    async def corrupt(self, scene: Scene) -> None:
        async with scene.run(self.run) as worker:
            # In a file of their own: a snapshot may be a checkpoint's file, too.
            await worker.keep(await worker.take())
            store = scene.runtime.store
            snapshot = (await store.read(worker.log.run)).snapshot
            assert snapshot is not None
            store.artifacts.remove(snapshot)
            worker.state = None
