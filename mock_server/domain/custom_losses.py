"""Custom losses: functions that clients wrote, uploaded as graphs, for the training runs of the same session."""

import json

from sqlmodel import select

from mock_server.domain import ids, operations
from mock_server.domain.errors import Invalid, NotFound
from mock_server.domain.operations import Accepted, Outcome, Submission
from mock_server.domain.orders import CreateCustomLossOrder
from mock_server.domain.sessions import open_session
from mock_server.store import Transaction
from mock_server.store.tables import CustomLoss, TrainingRun

RESULT_TYPE = "application/json"


def create(
    tx: Transaction, submission: Submission, number: int, order: CreateCustomLossOrder, problem: str | None
) -> Accepted:
    """Write down the loss, the operation that created it, and how that ended: at once, as there is nothing to compute.

    The submission's target is the session, which numbers its losses. `problem`: why the graph is no loss, None for one
    that is. Conflict where the number already stands for another loss.
    """
    open_session(tx, submission.tenant, submission.target)
    accepted = operations.submit(tx, submission, key=f"custom_loss/{number}")
    if accepted.new:
        ended = outcome(accepted.id, submission.target, number, problem)
        operations.record(tx, [ended], [tx.now(submission.tenant)])
        if problem is None:
            loss = CustomLoss(
                id=ids.custom_loss_id(submission.target, number),
                tenant=submission.tenant,
                session_id=submission.target,
                name=order.name,
                inputs=order.inputs,
                graph=order.graph,
                created_at=tx.now(submission.tenant),
            )
            tx.session.add(loss)
            tx.session.flush()
    return accepted


def outcome(operation_id: str, session_id: str, number: int, problem: str | None) -> Outcome:
    """How the creation ended: with the loss's id, or with what is wrong with it."""
    if problem is not None:
        return Outcome(operation_id, "failed", error=problem, error_category="user")
    result = {"loss_id": ids.custom_loss_id(session_id, number), "type": "create_custom_loss"}
    return Outcome(operation_id, "succeeded", RESULT_TYPE, json.dumps(result).encode())


def usable(tx: Transaction, tenant: str, run_id: str, loss_id: str) -> CustomLoss:
    """The loss, for a run of the session that it was created in."""
    loss = tx.session.exec(select(CustomLoss).where(CustomLoss.id == loss_id)).first()
    if loss is None or loss.tenant != tenant:
        raise NotFound(
            f"loss_fn_config.loss_id {loss_id!r} does not exist: use the one that create_custom_loss answered"
        )
    session_id = tx.session.exec(select(TrainingRun.session_id).where(TrainingRun.id == run_id)).one()
    if loss.session_id != session_id:
        raise Invalid(
            f"loss_fn_config.loss_id {loss_id!r} belongs to session {loss.session_id!r}, training run {run_id!r} to "
            f"{session_id!r}: create the loss again in the run's session"
        )
    return loss
