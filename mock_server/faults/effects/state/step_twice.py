"""A step is made twice."""

from mock_server.domain.operations import Body
from mock_server.faults.exchange import Missed
from mock_server.faults.registry import fault
from mock_server.faults.scene import RUN, Corruption, Scene
from mock_server.runtime import training
from mock_server.toy_model import TrainingState


@fault("step_twice", "in_state")
class StepTwice(Corruption):
    """The training run's last optimizer step is made once more, with the same gradient, and counts: what a server does
    that takes a retry for a new request. Only a step since the run's last snapshot can be repeated.
    """

    run: str | None = RUN

    async def corrupt(self, scene: Scene) -> None:
        async with scene.run(self.run) as worker:
            _, logged = await worker.logged()
            steps = [each for each in logged if each.kind == "optim_step"]
            if not steps:
                raise Missed(f"training run {worker.run_id} has made no step since its last snapshot")
            body = worker.log.body(steps[-1].id)
            before = await worker.replayed(steps[-1].position - 1)
            await worker.change(lambda state: _step(state, before, body))


def _step(state: TrainingState, before: TrainingState, body: Body) -> None:
    accumulated, state.gradient = state.gradient, before.gradient
    training.optim_step(state, body.content)
    state.gradient = accumulated
