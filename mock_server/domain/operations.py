"""Operations: accepted once, executed once, remembered until their results expire.

These rules are on the path of every training step, so their statements are prepared and select only the columns that
they need.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from sqlalchemy import ColumnElement, bindparam, func, literal_column, select

from mock_server.domain import ids, usage
from mock_server.domain.errors import Conflict, Gone, Invalid, NotFound
from mock_server.domain.usage import Usage
from mock_server.store import Command, Query, StoredFile, Transaction
from mock_server.store.tables import OPERATIONS, RUNS, Operation


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
    """How an operation ended: a result of some content type, or an error. usage: the tokens that it took."""

    id: str
    state: str
    result_type: str | None = None
    result: bytes | None = None
    result_file: StoredFile | None = None
    error: str | None = None
    error_category: str | None = None
    usage: Usage | None = None


def one_of(column: ColumnElement[Any], values: tuple[str, ...]) -> ColumnElement[bool]:
    return column.in_([literal_column(f"'{value}'") for value in values])


_COLUMNS: Final = OPERATIONS.c
CHANGES_STATE: Final = one_of(_COLUMNS.kind, ("forward_backward", "optim_step"))
"""Of the kinds that leave a trace in a run's state: their bodies are needed until a snapshot stands for them."""
_THIS: Final = _COLUMNS.id == bindparam("operation")
OF_TARGET: Final = _COLUMNS.target == bindparam("target")
# A constant in the text, since that is how the planner knows the index of only these.
QUEUED: Final = _COLUMNS.state == literal_column("'queued'")

# Submitting.

_EXISTING: Final = Query[Operation](
    select(_COLUMNS.id, _COLUMNS.position, _COLUMNS.body_hash, _COLUMNS.body_file, _COLUMNS.error).where(_THIS)
)
_LAST_POSITION: Final = Query[Any](select(func.max(_COLUMNS.position).label("position")).where(OF_TARGET))
_INSERT: Final = Command(OPERATIONS.insert().values({column: bindparam(column.name) for column in _COLUMNS}))
_DELETE: Final = Command(OPERATIONS.delete().where(_THIS))
_BLANK: Final[dict[str, Any]] = dict.fromkeys(column.name for column in _COLUMNS)


def submit(tx: Transaction, submission: Submission, *, key: str | None = None, redo: bool = False) -> Accepted:
    """Write the operation down, or recognise one that was written down before.

    `key` names it within its target where it has no seq_id; `redo` lets a failed one be tried again under its id.
    Conflict where the same number already stands for another request.
    """
    operation_id, position = _place(tx, submission, key)
    existing = tx.row(_EXISTING, operation=operation_id)
    if existing is not None and redo and existing.error is not None:
        position = existing.position
        tx.release_artifact(existing.body_file)
        tx.run(_DELETE, operation=operation_id)
        existing = None
    if existing is None:
        _insert(tx, submission, operation_id, position)
        return Accepted(operation_id, position, new=True)
    if existing.body_hash != submission.body.digest:
        number = "The request" if submission.seq_id is None else f"seq_id {submission.seq_id}"
        raise Conflict(
            f"{number} of {submission.target!r} was made before with another content: "
            "repeat it unchanged, or use the next number"
        )
    return Accepted(existing.id, existing.position, new=False)


def consume(tx: Transaction, submission: Submission, message: str) -> None:
    """A request that was refused has used up its seq_id all the same: nobody will fill that gap."""
    operation_id, position = _place(tx, submission, None)
    if tx.row(_EXISTING, operation=operation_id) is None:
        failed = {"state": "failed", "error": message, "error_category": "user"}
        _insert(tx, submission, operation_id, position, finished_at=tx.now(submission.tenant), **failed)


def _place(tx: Transaction, submission: Submission, key: str | None) -> tuple[str, int]:
    """The operation's id and its place in its target's order."""
    if submission.seq_id is None:
        last = tx.rows(_LAST_POSITION, target=submission.target)[0].position
        position = 0 if last is None else last + 1
        return ids.operation_id(submission.target, key or f"+{position}"), position
    # A sampler's requests have no order, and copies of its client number theirs up to 10^18.
    room = 1 if submission.kind == "sample" else ids.POSITIONS_PER_SEQ_ID
    if not 0 <= submission.seq_id <= ids.END_OF_POSITIONS // room:
        raise Invalid(f"seq_id is {submission.seq_id}: give 0 to {ids.END_OF_POSITIONS // room}")
    return ids.operation_id(submission.target, submission.seq_id), submission.seq_id * room


def _insert(tx: Transaction, submission: Submission, operation_id: str, position: int, **ended: Any) -> None:
    body = submission.body
    row = _BLANK | {
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
        "created_at": tx.now(submission.tenant),
    }
    tx.run_many(_INSERT, [row | ended])


# Ending.

_RECORD: Final = Command(
    OPERATIONS.update()
    .where(_THIS, QUEUED)
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in ("state", "result_type", "result", "result_file", "error", "error_category", "finished_at")
        }
    )
)
_TOUCH: Final = Command(
    RUNS.update()
    .where(RUNS.c.id == bindparam("run"))
    .values(last_request_at=bindparam("now"), optimizer_steps=bindparam("steps"))
)
_SKIP: Final = Command(RUNS.update().where(RUNS.c.id == bindparam("run")).values(skipped_to=bindparam("to")))


def record(tx: Transaction, outcomes: Sequence[Outcome], ended_at: Sequence[float]) -> None:
    """Write down how and when operations ended, and what that counts for. A terminal state never changes again."""
    recorded = tx.run_each(_RECORD, [_ending(outcome, at) for outcome, at in zip(outcomes, ended_at, strict=True)])
    used: list[Usage] = []
    for outcome, is_new in zip(outcomes, recorded, strict=True):
        if outcome.usage is not None and is_new:
            used.append(outcome.usage)
        if outcome.result_file is not None:
            if is_new:
                tx.add_artifact(outcome.result_file)
            else:
                tx.discard(outcome.result_file)
    usage.add(tx, used)


def _ending(outcome: Outcome, at: float) -> dict[str, Any]:
    file = outcome.result_file
    return {
        "operation": outcome.id,
        "new_state": outcome.state,
        "new_result_type": outcome.result_type,
        "new_result": outcome.result if file is None else None,
        "new_result_file": None if file is None else file.id,
        "new_error": outcome.error,
        "new_error_category": outcome.error_category,
        "new_finished_at": at,
    }


def touch_run(tx: Transaction, run_id: str, steps: int, at: float) -> None:
    """Note on the run's row when it was asked for something, and how many optimizer steps it has made."""
    tx.run(_TOUCH, run=run_id, now=at, steps=steps)


def skip_to(tx: Transaction, run_id: str, position: int) -> None:
    """The run goes on without what was missing before this position; written down before anything behind it runs."""
    tx.run(_SKIP, run=run_id, to=position)


# Asking.

_FOUND: Final = Query[Operation](
    select(*[column for column in _COLUMNS if column.name not in {"body", "body_hash", "body_type"}]).where(_THIS)
)
_BODY: Final = Query[Operation](
    select(_COLUMNS.body_type, _COLUMNS.body, _COLUMNS.body_file, _COLUMNS.body_hash).where(_THIS)
)


def found(tx: Transaction, tenant: str, operation_id: str) -> Operation:
    """The tenant's operation. NotFound for anybody else's; Gone when its result has expired."""
    row = tx.row(_FOUND, operation=operation_id)
    if row is None or row.tenant != tenant:
        raise NotFound(unknown(operation_id))
    if row.state == "expired":
        raise Gone(expired(operation_id))
    return row


def is_queued(tx: Transaction, operation_id: str) -> bool:
    row = tx.row(_FOUND, operation=operation_id)
    return row is not None and row.state == "queued"


def expired(operation_id: str) -> str:
    return f"the result of request_id {operation_id!r} has expired: submit the request again"


def unknown(operation_id: str) -> str:
    return f"request_id {operation_id!r} does not exist: use the one that the submission returned"


def outcome(tx: Transaction, row: Operation) -> Outcome:
    """How the operation of this row ended."""
    result = row.result if row.result_file is None else tx.read_artifact(row.result_file)
    return Outcome(row.id, row.state, row.result_type, result, None, row.error, row.error_category)


def body(tx: Transaction, operation_id: str) -> Body:
    """What was asked, from its row or its file."""
    row = tx.rows(_BODY, operation=operation_id)[0]
    content = tx.read_artifact(row.body_file) if row.body is None and row.body_file is not None else row.body
    assert content is not None, f"the body of operation {operation_id} was dropped, so nothing may ask for it"
    return Body(row.body_type, content, None, row.body_hash)
