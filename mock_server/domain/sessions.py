"""Sessions: what one ServiceClient opens, keeps alive by heartbeats, and finishes."""

from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import ColumnElement, bindparam, select

from mock_server.domain import accounts, audit, ids
from mock_server.domain.clocks import lives_by
from mock_server.domain.errors import Gone, NotFound
from mock_server.store import Command, Query, Transaction
from mock_server.store.tables import RUNS, SAMPLERS, SESSIONS, Sampler, Session, TrainingRun

_ONE: Final = Query[Session](select(SESSIONS).where(SESSIONS.c.id == bindparam("session")))
_BEAT: Final = Command(
    SESSIONS.update().where(SESSIONS.c.id == bindparam("session")).values(heartbeat_at=bindparam("at"))
)
_NEWEST_FIRST: Final = Query[Session](
    select(SESSIONS.c.id)
    .where(SESSIONS.c.tenant == bindparam("tenant"))
    .order_by(SESSIONS.c.number.desc())
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)
_RUNS: Final = Query[TrainingRun](
    select(RUNS.c.id)
    .where(RUNS.c.session_id == bindparam("session"), RUNS.c.status != "failed")
    .order_by(RUNS.c.model_seq_id)
)
_SAMPLERS: Final = Query[Sampler](
    select(SAMPLERS.c.id).where(SAMPLERS.c.session_id == bindparam("session")).order_by(SAMPLERS.c.number)
)


@dataclass(frozen=True)
class NewSession:
    """What a client says of the session that it opens."""

    tags: list[str] = field(default_factory=list)
    user_metadata: dict[str, Any] = field(default_factory=dict)
    display_name: str | None = None
    project_id: str | None = None
    sdk_version: str | None = None


@dataclass(frozen=True)
class SessionContent:
    """A session and the ids of what was made in it."""

    session: Session
    training_run_ids: list[str]
    sampler_ids: list[str]


def create(tx: Transaction, tenant: str, new: NewSession, seed: int) -> str:
    """Open a session and return its id."""
    accounts.count(tx, tenant, sessions=1)
    session = Session(
        id=ids.session_id(seed, tenant, accounts.totals(tx, tenant).sessions),
        tenant=tenant,
        created_at=tx.now(tenant),
        heartbeat_at=tx.now(tenant),
        tags=new.tags,
        user_metadata=new.user_metadata,
        display_name=new.display_name,
        project_id=new.project_id,
        sdk_version=new.sdk_version,
    )
    tx.session.add(session)
    audit.write(tx, tenant, "session_create", actor=tenant, session_id=session.id)
    return session.id


def owned(tx: Transaction, tenant: str, session_id: str) -> Session:
    """The tenant's session of that id, ended or not, to read only."""
    session = tx.row(_ONE, session=session_id)
    if session is None or session.tenant != tenant:
        raise NotFound(f"session {session_id!r} does not exist: create one with create_session")
    return session


def open_session(tx: Transaction, tenant: str, session_id: str) -> Session:
    """The same, if work may still be started in it."""
    session = owned(tx, tenant, session_id)
    if session.status == "expired":
        raise Gone(f"session {session_id!r} expired, since no heartbeat came for too long: create a new one")
    return session


def check_alive(tx: Transaction, tenant: str, session_id: str) -> None:
    """What a heartbeat needs to know. Gone stops the SDK's loop; a finished session needs no more of them."""
    session = open_session(tx, tenant, session_id)
    if session.ended_at is not None:
        raise Gone(f"session {session_id!r} is finished ({session.status})")


def record_heartbeat(tx: Transaction, session_id: str, at: float) -> None:
    tx.run(_BEAT, session=session_id, at=at)


def finish(tx: Transaction, tenant: str, session_id: str, *, reason: str, detail: str | None) -> None:
    """End the session as its client says. A repeat changes nothing."""
    if owned(tx, tenant, session_id).ended_at is None:
        ended = {"status": reason, "status_detail": detail, "ended_at": tx.now(tenant)}
        tx.connection.execute(SESSIONS.update().where(SESSIONS.c.id == session_id).values(ended))
        audit.write(tx, tenant, "session_finish", actor=tenant, session_id=session_id, reason=reason, detail=detail)


def assign_project(tx: Transaction, tenant: str, session_id: str, project_id: str) -> None:
    """Let the session, and the runs in it, belong to the project. Saying it twice is no error."""
    session = owned(tx, tenant, session_id)
    if session.project_id != project_id:
        tx.connection.execute(SESSIONS.update().where(SESSIONS.c.id == session_id).values(project_id=project_id))
        tx.connection.execute(RUNS.update().where(RUNS.c.session_id == session_id).values(project_id=project_id))
        moved = {"session_id": session_id, "project_id": project_id, "from_project_id": session.project_id}
        audit.write(tx, tenant, "project_assign_session", actor=tenant, **moved)


def expire(tx: Transaction, clock: str, *, after: float) -> int:
    """End the sessions that no heartbeat came for in so many seconds by this clock; returns how many."""
    overdue = SESSIONS.c.heartbeat_at <= tx.now(clock) - after
    return _let_lapse(tx, overdue & lives_by(clock, SESSIONS.c.tenant), tx.now(clock))


def lapse(tx: Transaction, tenant: str, session_id: str) -> bool:
    """End the session as if its heartbeats had stopped; returns whether the tenant has it and it had not ended."""
    this = (SESSIONS.c.id == session_id) & (SESSIONS.c.tenant == tenant)
    return _let_lapse(tx, this, tx.now(tenant)) > 0


def _let_lapse(tx: Transaction, which: ColumnElement[bool], at: float) -> int:
    """End those of these sessions that have not ended."""
    lasting = SESSIONS.c.ended_at.is_(None) & which
    ended = tx.connection.execute(select(SESSIONS.c.id, SESSIONS.c.tenant).where(lasting)).all()
    if ended:
        tx.connection.execute(SESSIONS.update().where(lasting).values(status="expired", ended_at=at))
    for session_id, tenant in ended:
        audit.write(tx, tenant, "session_expire", session_id=session_id)
    return len(ended)


def content(tx: Transaction, tenant: str, session_id: str) -> SessionContent:
    """The session with its runs, by their numbers, and its samplers, oldest first."""
    return SessionContent(
        owned(tx, tenant, session_id),
        [run.id for run in tx.rows(_RUNS, session=session_id)],
        [sampler.id for sampler in tx.rows(_SAMPLERS, session=session_id)],
    )


def page(tx: Transaction, tenant: str, *, limit: int, offset: int) -> tuple[list[str], int]:
    """Session ids of the tenant, newest first, and how many there are in all."""
    found = [session.id for session in tx.rows(_NEWEST_FIRST, tenant=tenant, limit=limit, offset=offset)]
    return found, accounts.totals(tx, tenant).sessions
