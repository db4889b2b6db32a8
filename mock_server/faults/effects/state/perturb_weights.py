"""A run's weights are not those that it was trained to."""

import numpy as np
from pydantic import Field

from mock_server.faults.registry import fault
from mock_server.faults.scene import RUN, Corruption, Scene
from mock_server.toy_model import TrainingState


@fault("perturb_weights", "in_state")
class PerturbWeights(Corruption):
    """Noise is added to the training run's weights: normal, of the deviation `scale` (those of an untrained run have
    1/64). Its losses and samples are others from then on, and nothing says why.
    """

    run: str | None = RUN
    scale: float = Field(default=0.01, gt=0, le=1000)

    async def corrupt(self, scene: Scene) -> None:
        seed = scene.random.getrandbits(64)
        async with scene.run(self.run) as worker:
            await worker.change(lambda state: _perturb(state, self.scale, seed))


def _perturb(state: TrainingState, scale: float, seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0.0, scale, state.parameters.shape).astype(np.float32)
    state.freeze(noise)  # what the run's configuration switches off has no weights
    state.parameters = state.parameters + noise
    state.parameters.flags.writeable = False
