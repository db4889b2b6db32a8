"""An optimizer forgets."""

from mock_server.faults.registry import fault
from mock_server.faults.scene import RUN, Corruption, Scene
from mock_server.toy_model import TrainingState


@fault("drop_moments", "in_state")
class DropMoments(Corruption):
    """The moments of the training run's optimizer, and its count of steps, are those of a new run; the weights stay.
    After a load_weights it is a restore that lost them on the way.
    """

    run: str | None = RUN

    async def corrupt(self, scene: Scene) -> None:
        async with scene.run(self.run) as worker:
            await worker.change(TrainingState.forget_moments)
