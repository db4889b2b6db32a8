"""A checkpoint's label is off by one."""

from functools import partial

from mock_server.domain.exports import is_sealed
from mock_server.faults.checkpoint_files import give_file
from mock_server.faults.exchange import Missed
from mock_server.faults.registry import fault
from mock_server.faults.scene import CHECKPOINT, Corruption, Scene


@fault("relabel", "in_state")
class Relabel(Corruption):
    """The checkpoint comes to hold its training run's weights as they are now: what was saved as step N holds step N+1,
    where this acts after the next optim_step.
    """

    checkpoint: str | None = CHECKPOINT

    async def corrupt(self, scene: Scene) -> None:
        checkpoint = scene.checkpoint(self.checkpoint)
        async with scene.run(checkpoint.training_run_id) as worker:
            if is_sealed(scene.runtime.store.artifacts.read(checkpoint.artifact)):
                raise Missed("an export that is encrypted to others can't be written anew")
            state = await worker.take()
            dump = partial(state.dump, gradients=False, optimizer=checkpoint.kind == "weights")
            await give_file(scene.runtime.store, checkpoint, dump())
