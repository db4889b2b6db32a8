"""Copies of checkpoints: another path, another owner or project, the same file."""

import json
from dataclasses import asdict, dataclass

from mock_server.domain import checkpoints, ids, operations, sessions, submissions, training_runs
from mock_server.domain.errors import Invalid, NotFound
from mock_server.domain.operations import Body, Outcome, Submission
from mock_server.domain.paths import CheckpointPath
from mock_server.domain.sessions import NewSession
from mock_server.store import Transaction
from mock_server.store.tables import CHECKPOINTS, Checkpoint

JSON = "application/json"


@dataclass(frozen=True)
class NewCopy:
    """What to copy, and whereto: a slot of a session, or a project, for which a session is made."""

    source: str
    session_id: str | None = None
    model_seq_id: int | None = None
    project_id: str | None = None
    ttl_seconds: int | None = None
    reader: str | None = None
    """The tenant whose weights_access_token came with the request."""


def copy(tx: Transaction, tenant: str, new: NewCopy, repetition_key: str | None, seed: int) -> str:
    """The path of the copy, or of the one that the same call made before.

    A call is known by its slot, or, where it names a project, by the key that its client gives to all its repetitions.
    """
    key = repetition_key if new.session_id is None else f"{new.session_id}/{new.model_seq_id}"
    body = Body.of(JSON, json.dumps(asdict(new)).encode())
    accepted = operations.submit(tx, Submission(tenant, "copy_weights", ids.copies_of(tenant), None, body), key=key)
    if not accepted.new:
        made = operations.found(tx, tenant, accepted.id).result
        assert made is not None, "a copy is made in the transaction that accepts it"
        return str(json.loads(made)["tinker_path"])
    path = str(_made(tx, tenant, new, seed))
    result = json.dumps({"tinker_path": path, "type": "copy_weights"}).encode()
    operations.record(tx, [Outcome(accepted.id, "succeeded", JSON, result)], [tx.now(tenant)])
    return path


def _made(tx: Transaction, tenant: str, new: NewCopy, seed: int) -> CheckpointPath:
    source = checkpoints.readable(tx, tenant, CheckpointPath.parse(new.source, "source_path"), new.reader)
    session_id, model_seq_id = _slot(tx, tenant, new, seed)
    adapter = submissions.run_from_checkpoint(tx, tenant, session_id, model_seq_id, new.source, {}, new.reader)
    run = training_runs.create(tx, tenant, adapter, seed)
    run.status = "unloaded"  # it holds the copy, and can't be trained on
    tx.session.add(run)
    tx.keep_artifact(source.artifact)
    same = {column.name: getattr(source, column.name) for column in CHECKPOINTS.c}
    different = {
        "number": None,
        "tenant": tenant,
        "training_run_id": run.id,
        "public": False,
        "created_at": tx.now(tenant),
        "expires_at": None if new.ttl_seconds is None else tx.now(tenant) + new.ttl_seconds,
    }
    made = Checkpoint(**same | different)
    tx.session.add(made)
    checkpoints.added(tx, made, copied_from=new.source)
    checkpoints.was_read(tx, tenant, source, "copy")
    return CheckpointPath.parse(f"tinker://{run.id}/{source.kind}/{source.name}")


def _slot(tx: Transaction, tenant: str, new: NewCopy, seed: int) -> tuple[str, int]:
    """The session and the number in it of the run that will hold the copy."""
    if new.session_id is None:
        session = NewSession(project_id=new.project_id, display_name=f"copy of {new.source}")
        session_id = sessions.create(tx, tenant, session, seed)
        sessions.finish(tx, tenant, session_id, reason="success", detail=None)  # nobody will send heartbeats for it
        return session_id, 0
    if new.model_seq_id is None:
        raise Invalid("model_seq_id is absent: give it together with session_id")
    try:
        training_runs.any_status(tx, tenant, ids.training_run_id(new.session_id, new.model_seq_id))
    except NotFound:
        return new.session_id, new.model_seq_id
    raise Invalid(
        f"model_seq_id {new.model_seq_id} of session {new.session_id!r} already names a training run: use the next one"
    )
