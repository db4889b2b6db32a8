"""A run's log in the store: its snapshot, the operations behind it, and what each ended operation changes there."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import select

from mock_server.domain import checkpoints, forgetting, operations, resumption, samplers
from mock_server.domain.checkpoints import SaveOptions
from mock_server.domain.operations import Body, Outcome
from mock_server.domain.orders import LoadOrder, SaveOrder
from mock_server.domain.paths import CheckpointKind, CheckpointPath
from mock_server.domain.usage import Account, Usage
from mock_server.runtime import results, training
from mock_server.runtime.custom_losses import Prepare
from mock_server.runtime.training import JSON
from mock_server.store import Store, Transaction
from mock_server.store.artifacts import StoredFile
from mock_server.store.tables import Checkpoint, TrainingRun
from mock_server.toy_model import TrainingState

RESULT_TYPES: Final[Mapping[CheckpointKind, str]] = {
    "weights": "save_weights",
    "sampler_weights": "save_weights_for_sampler",
    "external_weights": "save_weights_external",
}
"""What the result of a save calls itself; the SDK insists on it."""


class RunLog:
    """One run's log. Methods with a transaction are rules for the store's writer or reader."""

    def __init__(self, store: Store, run_id: str, account: Account) -> None:
        self._store = store
        self._run_id = run_id
        self._account = account
        self._steps = 0
        self._bytes = 0

    # How long it has become since the snapshot.

    def advanced(self, kind: str, size: int) -> None:
        self._steps += kind == "optim_step"
        self._bytes += size

    def due(self, steps: int, size: int) -> bool:
        return self._steps >= steps or self._bytes >= size

    def reset(self) -> None:
        self._steps = self._bytes = 0

    # Executing, on the executor's thread.

    def apply(self, state: TrainingState, kind: str, body: Body, operation_id: str, prepare: Prepare) -> Outcome:
        """Execute a training operation."""
        result, tokens = training.apply(state, kind, body, prepare)
        content_type = training.JSON if kind == "optim_step" else training.FORWARD_BACKWARD
        usage = Usage(self._account, trained=tokens) if tokens else None
        return results.succeeded(self._store.artifacts, operation_id, content_type, result, usage)

    # Reading it.

    def run(self, tx: Transaction) -> TrainingRun:
        return tx.session.exec(select(TrainingRun).where(TrainingRun.id == self._run_id)).one()

    def snapshot(self, tx: Transaction) -> tuple[TrainingRun, bytes | None]:
        """The run's row and its snapshot's content, None for a fresh adapter."""
        run = self.run(tx)
        return run, None if run.snapshot is None else tx.read_artifact(run.snapshot)

    def since(self, position: int) -> Sequence[Row[Any]]:
        """The ended operations behind a position that changed the state, in order."""
        return self._store.read_now(resumption.replayable, self._run_id, after=position)

    def body(self, operation_id: str) -> Body:
        return self._store.read_now(operations.body, operation_id)

    def checkpoint_to_load(
        self, tx: Transaction, tenant: str, path: CheckpointPath, reader: str | None
    ) -> tuple[TrainingRun, Checkpoint, bytes]:
        checkpoint = checkpoints.loadable(tx, tenant, path, reader)
        return self.run(tx), checkpoint, tx.read_artifact(checkpoint.artifact)

    # What the end of an operation changes, in the same transaction as its outcome.

    def created(self, tx: Transaction, operation_id: str) -> Outcome:
        run = self.run(tx)
        run.status = "active"
        tx.session.add(run)
        return self._succeeded(tx, operation_id, {"model_id": run.id, "type": "create_model"})

    def failed(self, tx: Transaction, outcome: Outcome) -> None:
        self._record(tx, outcome)

    def creation_failed(self, tx: Transaction, outcome: Outcome) -> None:
        """The run that this was to create may be created again at once; an existing run stays as it is."""
        self._record(tx, outcome)
        run = self.run(tx)
        if run.status == "creating":
            run.status = "failed"
            tx.session.add(run)

    def corrupted(self, tx: Transaction) -> None:
        """The run's state is lost; its checkpoints are what is left of it."""
        run = self.run(tx)
        run.corrupted = True
        tx.session.add(run)

    def unloaded(self, tx: Transaction, operation_id: str, position: int) -> Outcome:
        run = self.run(tx)
        run.status = "unloaded"
        forgetting.drop_bodies(tx, run.id, after=run.snapshot_position, through=position)
        tx.release_artifact(run.snapshot)
        run.snapshot = None
        tx.session.add(run)
        return self._succeeded(tx, operation_id, {"model_id": run.id, "type": "unload_model"})

    def saved(
        self,
        tx: Transaction,
        operation_id: str,
        path: CheckpointPath | None,
        order: SaveOrder,
        file: StoredFile,
        restart: int | None,
    ) -> Outcome:
        """The file as a checkpoint, or as a sampler where the order names no path, or as both.

        `restart`: the log may begin behind this position, since the checkpoint is the whole state.
        """
        run = self.run(tx)
        result: dict[str, Any] = {"path": None if path is None else str(path)}
        if path is None:
            sampler = samplers.saved(tx, run, order.sampler_number or 0, tx.add_artifact(file))
            result["sampling_session_id"] = sampler.id
        else:
            options = SaveOptions(order.ttl_seconds, order.overwrite, order.user_metadata)
            checkpoint = checkpoints.save(tx, run, path, file, options)
            result["size_bytes"] = checkpoint.size_bytes
            if order.with_sampler:
                tx.keep_artifact(checkpoint.artifact)
                sampler = samplers.saved(tx, run, order.sampler_number or 0, checkpoint.artifact)
                result["sampling_session_id"] = sampler.id
            if restart is not None:
                self._restart(tx, run, checkpoint.artifact, restart, optimizer=True)
        return self._succeeded(
            tx, operation_id, {**result, "type": RESULT_TYPES["sampler_weights" if path is None else path.kind]}
        )

    def loaded(
        self, tx: Transaction, operation_id: str, order: LoadOrder, checkpoint: Checkpoint, position: int, steps: int
    ) -> Outcome:
        """The run goes on from the checkpoint: its file is the run's snapshot, whatever becomes of the checkpoint."""
        run = self.run(tx)
        run.status = "active"
        run.optimizer_steps = steps
        run.prior_size, run.prior_fixed = checkpoint.prior_size, checkpoint.prior_fixed
        checkpoints.was_read(tx, run.tenant, checkpoint, "training")
        self._restart(tx, run, checkpoint.artifact, position, optimizer=order.optimizer)
        return self._succeeded(tx, operation_id, {"path": order.path, "model_id": run.id, "type": "load_weights"})

    def snapshot_taken(self, tx: Transaction, file: StoredFile, position: int) -> None:
        run = self.run(tx)
        artifact = tx.add_artifact(file)
        self._restart(tx, run, artifact, position, optimizer=True)
        tx.release_artifact(artifact)  # _restart holds a reference of its own

    def _restart(self, tx: Transaction, run: TrainingRun, artifact: str, position: int, *, optimizer: bool) -> None:
        """Let the log begin behind `position`, at the artifact; what was asked before is not needed again."""
        tx.keep_artifact(artifact)
        tx.release_artifact(run.snapshot)
        forgetting.drop_bodies(tx, run.id, after=run.snapshot_position, through=position)
        run.snapshot, run.snapshot_optimizer, run.snapshot_position = artifact, optimizer, position
        tx.session.add(run)
        tx.session.flush()

    def _succeeded(self, tx: Transaction, operation_id: str, result: dict[str, Any]) -> Outcome:
        outcome = Outcome(operation_id, "succeeded", JSON, json.dumps(result, separators=(",", ":")).encode())
        self._record(tx, outcome)
        return outcome

    def _record(self, tx: Transaction, outcome: Outcome) -> None:
        operations.record(tx, [outcome], [tx.now(self._account.tenant)])
