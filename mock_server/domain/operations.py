"""Operations: accepted once, executed once, remembered until their results expire.

These rules are on the path of every training step, so they speak Core to the connection and select only the columns
that they need.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from sqlalchemy import Row, Table, bindparam, func, select

from mock_server.domain import ids
from mock_server.domain.errors import Conflict, Gone, NotFound
from mock_server.store import Transaction
from mock_server.store.artifacts import StoredFile
from mock_server.store.tables import Operation, TrainingRun

OPERATIONS: Final[Table] = Operation.__table__  # type: ignore[attr-defined]  # SQLModel does not declare what it makes
RUNS: Final[Table] = TrainingRun.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Body:
    """What was asked. A long one is also a file, and only that is stored."""

    type: str
    content: bytes
    file: StoredFile | None
    digest: bytes

    @classmethod
    def of(cls, content_type: str, content: bytes, file: StoredFile | None = None) -> "Body":
        return cls(content_type, content, file, blake2b(content, digest_size=16).digest())


@dataclass(frozen=True, slots=True)
class Submission:
    """An operation that a client wants. seq_id None: after everything that its target has been asked so far."""

    tenant: str
    kind: str
    target: str
    seq_id: int | None
    body: Body


@dataclass(frozen=True, slots=True)
class Accepted:
    """Its request id, its place in the target's order, and whether this call brought it about (or repeated one)."""

    id: str
    position: int
    new: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an operation ended: a result of some content type, or an error."""

    id: str
    state: str
    result_type: str | None = None
    result: bytes | None = None
    result_file: StoredFile | None = None
    error: str | None = None
    error_category: str | None = None


_EXISTING = select(OPERATIONS.c.id, OPERATIONS.c.position, OPERATIONS.c.state, OPERATIONS.c.body_hash).where(
    OPERATIONS.c.id == bindparam("id")
)
_LAST_POSITION = select(func.max(OPERATIONS.c.position)).where(OPERATIONS.c.target == bindparam("target"))
_INSERT = OPERATIONS.insert()


def submit(tx: Transaction, submission: Submission, *, key: str | int | None = None, redo: bool = False) -> Accepted:
    """Write the operation down, or recognise one that was written down before.

    `key` names it within its target where it has no seq_id; `redo` lets a failed one be tried again under its id.
    Conflict where the same number already stands for another request.
    """
    seq_id = submission.seq_id
    if seq_id is not None:
        operation_id = ids.operation_id(submission.target, seq_id)
        position = seq_id * ids.POSITIONS_PER_SEQ_ID
    else:
        position = _after_all(tx, submission.target)
        operation_id = ids.operation_id(submission.target, f"+{position}" if key is None else key)
    existing = tx.connection.execute(_EXISTING, {"id": operation_id}).first()
    if existing is not None and redo and existing.state == "failed":
        tx.connection.execute(OPERATIONS.delete().where(OPERATIONS.c.id == operation_id))
        existing = None
    if existing is not None:
        if existing.body_hash != submission.body.digest:
            raise Conflict(
                f"seq_id {seq_id if seq_id is not None else key} of {submission.target!r} was used before by another "
                "request: repeat that one unchanged, or use the next seq_id"
            )
        return Accepted(existing.id, existing.position, new=False)
    _insert(tx, submission, operation_id, position)
    return Accepted(operation_id, position, new=True)


def consume(tx: Transaction, submission: Submission, message: str) -> None:
    """A request that was refused has used up its seq_id all the same: nobody will fill that gap."""
    accepted = submit(tx, submission)
    if accepted.new:
        record(tx, [Outcome(accepted.id, "failed", error=message, error_category="user")])


def record(tx: Transaction, outcomes: Sequence[Outcome]) -> None:
    """Write down how operations ended. A terminal state never changes again."""
    rows = [
        {
            "b_id": outcome.id,
            "state": outcome.state,
            "result_type": outcome.result_type,
            "result": outcome.result if outcome.result_file is None else None,
            "result_file": None if outcome.result_file is None else tx.add_artifact(outcome.result_file),
            "error": outcome.error,
            "error_category": outcome.error_category,
            "finished_at": tx.now,
        }
        for outcome in outcomes
    ]
    tx.connection.execute(_RECORD, rows)


_RECORD = OPERATIONS.update().where(OPERATIONS.c.id == bindparam("b_id"), OPERATIONS.c.state == "queued")


def touch_run(tx: Transaction, run_id: str, steps: int) -> None:
    """Note on the run's row that it was asked for something, and how many optimizer steps it has made."""
    tx.connection.execute(_TOUCH, {"b_id": run_id, "last_request_at": tx.now, "optimizer_steps": steps})


_TOUCH = RUNS.update().where(RUNS.c.id == bindparam("b_id"))


def found(tx: Transaction, tenant: str, operation_id: str) -> Row[Any]:
    """The row of the tenant's operation. NotFound for anybody else's; Gone when its result has expired."""
    row = tx.connection.execute(select(OPERATIONS).where(OPERATIONS.c.id == operation_id)).first()
    if row is None or row.tenant != tenant:
        raise NotFound(unknown(operation_id))
    if row.state == "expired":
        raise Gone(f"the result of request_id {operation_id!r} has expired: submit the request again")
    return row


def unknown(operation_id: str) -> str:
    return f"request_id {operation_id!r} does not exist: use the one that the submission returned"


def unfinished(tx: Transaction) -> Sequence[Row[Any]]:
    """All operations left over from the last time the server ran, each target's in its order."""
    wanted = select(*_HEADER).where(OPERATIONS.c.state == "queued")
    return tx.connection.execute(wanted.order_by(OPERATIONS.c.target, OPERATIONS.c.position)).all()


def replayable(tx: Transaction, target: str, *, after: int) -> Sequence[Row[Any]]:
    """The ended operations behind a position that left a trace in the run's state, in their order."""
    done = OPERATIONS.c.state.in_(("succeeded", "expired")) & OPERATIONS.c.kind.in_(("forward_backward", "optim_step"))
    wanted = select(*_HEADER).where(OPERATIONS.c.target == target, OPERATIONS.c.position > after, done)
    return tx.connection.execute(wanted.order_by(OPERATIONS.c.position)).all()


def ended_samples(tx: Transaction, sampler_id: str) -> Sequence[Row[Any]]:
    """A sampler's samples that ended and whose results can be fetched still, with the results' sizes in bytes."""
    size = func.length(OPERATIONS.c.result).label("size")
    ended = OPERATIONS.c.state.in_(("succeeded", "failed", "cancelled"))
    wanted = select(*_HEADER, size).where(OPERATIONS.c.target == sampler_id, ended)
    rows: Sequence[Row[Any]] = tx.connection.execute(wanted.order_by(OPERATIONS.c.position)).all()
    return rows


_HEADER: list[Any] = [OPERATIONS.c[name] for name in ("id", "tenant", "kind", "target", "seq_id", "position", "state")]


def last_position(tx: Transaction, target: str) -> int | None:
    """The place of the newest operation that has ended and that none still queued stands before."""
    here = OPERATIONS.c.target == target
    queued = select(func.min(OPERATIONS.c.position)).where(here, OPERATIONS.c.state == "queued")
    first_queued: int | None = tx.connection.execute(queued).scalar()
    ended = select(func.max(OPERATIONS.c.position)).where(here, OPERATIONS.c.state != "queued")
    if first_queued is not None:
        ended = ended.where(OPERATIONS.c.position < first_queued)
    return tx.connection.execute(ended).scalar()


def body(tx: Transaction, operation_id: str) -> Body:
    """What was asked, from its row or its file."""
    columns = (OPERATIONS.c.body_type, OPERATIONS.c.body, OPERATIONS.c.body_file, OPERATIONS.c.body_hash)
    row = tx.connection.execute(select(*columns).where(OPERATIONS.c.id == operation_id)).one()
    content = bytes(row.body) if row.body_file is None else tx.read_artifact(row.body_file)
    return Body(row.body_type, content, None, bytes(row.body_hash))


def outcome(tx: Transaction, row: Row[Any]) -> Outcome:
    """How the operation of this row ended."""
    result = row.result if row.result_file is None else tx.read_artifact(row.result_file)
    return Outcome(row.id, row.state, row.result_type, result, None, row.error, row.error_category)


def drop_bodies(tx: Transaction, target: str, *, after: int, through: int) -> None:
    """Forget what was asked between two positions: a snapshot stands for it now."""
    covered = (OPERATIONS.c.target == target) & OPERATIONS.c.position.between(after + 1, through)
    _release_files(tx, "body_file", covered)
    tx.connection.execute(OPERATIONS.update().where(covered).values(body=None, body_file=None))


def expire(tx: Transaction, *, finished_before: float, limit: int = 5000) -> int:
    """Let results go that nobody fetched for long; returns how many. The rows stay, so that a late retry is known."""
    old = (
        select(OPERATIONS.c.id)
        .where(OPERATIONS.c.finished_at < finished_before, OPERATIONS.c.state != "expired")
        .limit(limit)
    )
    chosen = [row.id for row in tx.connection.execute(old)]
    expired = OPERATIONS.c.id.in_(chosen)
    _release_files(tx, "result_file", expired)
    tx.connection.execute(
        OPERATIONS.update().where(expired).values(state="expired", result=None, result_file=None, finished_at=None)
    )
    return len(chosen)


def skip_to(tx: Transaction, run_id: str, position: int) -> None:
    """The run goes on without what was missing before this position; written down before anything behind it runs."""
    tx.connection.execute(RUNS.update().where(RUNS.c.id == run_id).values(skipped_to=position))


def _after_all(tx: Transaction, target: str) -> int:
    last: int | None = tx.connection.execute(_LAST_POSITION, {"target": target}).scalar()
    return 0 if last is None else last + 1


def _insert(tx: Transaction, submission: Submission, operation_id: str, position: int) -> None:
    body = submission.body
    row = {
        "id": operation_id,
        "tenant": submission.tenant,
        "kind": submission.kind,
        "target": submission.target,
        "seq_id": submission.seq_id,
        "position": position,
        "state": "queued",
        "body_hash": body.digest,
        "body_type": body.type,
        "body": body.content if body.file is None else None,
        "body_file": None if body.file is None else tx.add_artifact(body.file),
        "created_at": tx.now,
    }
    tx.connection.execute(_INSERT, row)


def _release_files(tx: Transaction, column: str, which: Any) -> None:
    file = OPERATIONS.c[column]
    files: Iterable[str] = tx.connection.execute(select(file).where(which, file.is_not(None))).scalars().all()
    for name in files:
        tx.release_artifact(name)
