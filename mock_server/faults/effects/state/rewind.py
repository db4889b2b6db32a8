"""A run is as it was some steps ago."""

from pydantic import Field
from sqlalchemy import select

from mock_server.faults.exchange import Missed
from mock_server.faults.registry import fault
from mock_server.faults.scene import RUN, Corruption, Scene
from mock_server.runtime import training
from mock_server.runtime.run_worker import RunWorker
from mock_server.store import DamagedArtifact, Transaction
from mock_server.store.tables import CHECKPOINTS
from mock_server.toy_model import DamagedState, TrainingState


@fault("rewind", "in_state")
class Rewind(Corruption):
    """The training run's weights and moments are those of an earlier snapshot: the newest state at least `steps`
    optimizer steps ago that its log, its checkpoints or its beginning know. Its numbering goes on as if nothing had
    happened.
    """

    run: str | None = RUN
    steps: int = Field(default=1, ge=1)

    async def corrupt(self, scene: Scene) -> None:
        async with scene.run(self.run) as worker:
            made = (await worker.take()).optimizer_steps
            if made == 0:
                raise Missed(f"training run {worker.run_id} has made no step that it could lose")
            earlier = await self._of_log(worker) or _of_checkpoints(scene, worker, made - self.steps)
            await worker.keep(earlier or await self._beginning(scene, worker))

    async def _of_log(self, worker: RunWorker) -> TrainingState | None:
        """The state that the run's log leads to; None where it begins later."""
        snapshot_position, logged = await worker.logged()
        steps = [each.position for each in logged if each.kind == "optim_step"]
        if len(steps) < self.steps:
            return None
        return await worker.replayed([snapshot_position, *steps][-self.steps - 1])

    async def _beginning(self, scene: Scene, worker: RunWorker) -> TrainingState:
        run = await scene.runtime.store.read(worker.log.run)
        return training.fresh_state(scene.runtime.catalogue[run.base_model], run)


def _of_checkpoints(scene: Scene, worker: RunWorker, steps: int) -> TrainingState | None:
    """The run's newest checkpoint of at most so many steps."""
    for artifact in scene.runtime.store.read_now(_checkpoints, worker.run_id):
        try:
            state = TrainingState.load(scene.runtime.store.read_now(Transaction.read_artifact, artifact))
        except (DamagedArtifact, DamagedState):
            continue
        if state.optimizer_steps <= steps:
            return state
    return None


def _checkpoints(tx: Transaction, run_id: str) -> list[str]:
    """The files of its training checkpoints, newest first."""
    of_run = (CHECKPOINTS.c.training_run_id == run_id, CHECKPOINTS.c.kind == "weights")
    newest_first = select(CHECKPOINTS.c.artifact).where(*of_run).order_by(CHECKPOINTS.c.number.desc())
    return list(tx.connection.execute(newest_first).scalars())
