"""A run's state from the store: its last snapshot, and the operations behind it executed anew."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from mock_server.domain.errors import OperationFailed
from mock_server.domain.ids import END_OF_POSITIONS
from mock_server.runtime import training
from mock_server.toy_model import TrainingState

if TYPE_CHECKING:
    from mock_server.runtime.run_log import RunLog
    from mock_server.runtime.workshop import Workshop


async def replayed(shop: Workshop, log: RunLog, tenant: str, through: int = END_OF_POSITIONS) -> TrainingState:
    """The state as of this position in the run's log, bit by bit what it was then.

    Raises OperationFailed for a run that was unloaded, DamagedArtifact or DamagedState for one whose files are damaged.
    """
    await shop.recorder.settle()
    run, content = await shop.store.read(log.snapshot)
    if run.status == "unloaded":
        raise OperationFailed(f"training run {run.id!r} was unloaded: load one of its checkpoints")
    if content is None:
        state = await shop.executor.run(partial(training.fresh_state, shop.catalogue[run.base_model], run))
    else:
        load = partial(TrainingState.load, content, optimizer=run.snapshot_optimizer, fresh=run.optimizer["type"])
        state = await shop.executor.run(load)
    log.reset()
    prepare = shop.losses.of_run(tenant, run.id)
    for operation in log.since(run.snapshot_position):
        if operation.position > through:
            break
        body = log.body(operation.id)
        await shop.executor.run(partial(training.apply, state, operation.kind, body, prepare, want_result=False))
        log.advanced(operation.kind, len(body.content))
    return state
