"""Taking operations in: what must be settled, in the same transaction, before one of a kind may be written down."""

from collections.abc import Callable
from typing import Any

from mock_server.domain import checkpoints, forgetting, ids, operations, samplers, training_runs
from mock_server.domain.operations import Accepted, Body, Submission
from mock_server.domain.paths import CheckpointPath
from mock_server.domain.training_runs import Adapter, NewRun
from mock_server.store import Transaction
from mock_server.store.tables import Sampler, TrainingRun

CREATION = "create"
"""What the operation that creates a run is called within it: creating comes before every seq_id."""


def create_run(
    tx: Transaction, tenant: str, new: NewRun, kind: str, body: Body, seed: int
) -> tuple[TrainingRun, Accepted, bool]:
    """A run that is being created, the operation that does it, and whether its numbers begin anew.

    Run and operation are as before, where this call is a repeat.

    A repeat by a client whose every operation on the run has failed begins to number them anew: so does Tinkex, when
    it could not restore a checkpoint.
    """
    run = training_runs.create(tx, tenant, new, seed)
    anew = forgetting.drop_failures(tx, run.id, ids.operation_id(run.id, CREATION))
    submission = Submission(tenant, kind, run.id, None, body)
    accepted = operations.submit(tx, submission, key=CREATION, redo=True)
    return run, accepted, anew or accepted.new


def run_from_checkpoint(
    tx: Transaction,
    tenant: str,
    session_id: str,
    model_seq_id: int,
    path: str,
    user_metadata: dict[str, Any],
    reader: str | None = None,
    optimizer: dict[str, Any] | None = None,
) -> NewRun:
    """A new run with the shape of a checkpoint that the tenant may read, perhaps in the name of `reader`.

    `optimizer`: what it steps by, where that is not what the checkpoint's run stepped by.
    """
    checkpoint = checkpoints.loadable(tx, tenant, CheckpointPath.parse(path), reader)
    adapter = Adapter(
        rank=checkpoint.rank,
        seed=checkpoint.lora_seed,
        train_mlp=checkpoint.train_mlp,
        train_attn=checkpoint.train_attn,
        train_unembed=checkpoint.train_unembed,
    )
    return NewRun(
        session_id, model_seq_id, checkpoint.base_model, adapter, optimizer or checkpoint.optimizer, user_metadata
    )


def first_to_run(tx: Transaction, submission: Submission, served_size: int) -> Accepted:
    """The first operation that this life of the server takes for a run: the run must be usable, its prior settled."""
    run = training_runs.owned(tx, submission.tenant, submission.target)
    training_runs.check_usable(run)
    training_runs.fix_prior(tx, run, submission.tenant, served_size)
    tx.flush()
    return operations.submit(tx, submission)


def usable_sampler(tx: Transaction, tenant: str, sampler_id: str, served_size: Callable[[str], int]) -> Sampler:
    """The tenant's sampler, its prior settled: what must be known before its first request is taken."""
    sampler = samplers.owned(tx, tenant, sampler_id)
    training_runs.fix_prior(tx, sampler, tenant, served_size(sampler.base_model))
    return sampler
