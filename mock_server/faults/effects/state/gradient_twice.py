"""What was accumulated counts twice."""

from mock_server.faults.exchange import Missed
from mock_server.faults.registry import fault
from mock_server.faults.scene import RUN, Corruption, Scene
from mock_server.toy_model import TrainingState


@fault("gradient_twice", "in_state")
class GradientTwice(Corruption):
    """The gradient that the training run has accumulated since its last step counts twice, as if each forward_backward
    had been executed a second time.
    """

    run: str | None = RUN

    async def corrupt(self, scene: Scene) -> None:
        async with scene.run(self.run) as worker:
            await worker.change(_double)


def _double(state: TrainingState) -> None:
    if state.gradient is None:
        raise Missed("the training run has accumulated no gradient")
    state.gradient *= 2
