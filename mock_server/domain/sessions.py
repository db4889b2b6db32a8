"""Sessions: what one ServiceClient opens, keeps alive by heartbeats, and finishes."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table
from sqlmodel import col, select

from mock_server.domain import ids
from mock_server.domain.accounts import account, totals
from mock_server.domain.errors import Gone, NotFound
from mock_server.store import Transaction
from mock_server.store.tables import Sampler, Session, TrainingRun

SESSIONS: Table = Session.__table__  # type: ignore[attr-defined]  # SQLModel does not declare what it makes


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
    owner = account(tx, tenant)
    owner.sessions_made += 1
    owner.sessions += 1
    session = Session(
        id=ids.session_id(seed, tenant, owner.sessions_made),
        tenant=tenant,
        created_at=tx.now,
        heartbeat_at=tx.now,
        tags=new.tags,
        user_metadata=new.user_metadata,
        display_name=new.display_name,
        project_id=new.project_id,
        sdk_version=new.sdk_version,
    )
    tx.session.add_all([owner, session])
    return session.id


def owned(tx: Transaction, tenant: str, session_id: str) -> Session:
    """The tenant's session of that id, ended or not."""
    session = tx.session.exec(select(Session).where(Session.id == session_id)).first()
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
    tx.connection.execute(SESSIONS.update().where(SESSIONS.c.id == session_id).values(heartbeat_at=at))


def finish(tx: Transaction, tenant: str, session_id: str, *, reason: str, detail: str | None) -> None:
    """End the session as its client says. A repeat changes nothing."""
    session = owned(tx, tenant, session_id)
    if session.ended_at is None:
        session.status = reason
        session.status_detail = detail
        session.ended_at = tx.now
        tx.session.add(session)


def expire(tx: Transaction, *, silent_since: float) -> int:
    """End the sessions whose last heartbeat is older than that; returns how many."""
    silent = SESSIONS.c.ended_at.is_(None) & (SESSIONS.c.heartbeat_at < silent_since)
    result = tx.connection.execute(SESSIONS.update().where(silent).values(status="expired", ended_at=tx.now))
    return result.rowcount


def content(tx: Transaction, tenant: str, session_id: str) -> SessionContent:
    """The session with its runs and samplers, oldest first."""
    session = owned(tx, tenant, session_id)
    runs = select(TrainingRun.id).where(TrainingRun.session_id == session_id, TrainingRun.status != "failed")
    samplers = select(Sampler.id).where(Sampler.session_id == session_id)
    return SessionContent(
        session,
        list(tx.session.exec(runs.order_by(col(TrainingRun.number)))),
        list(tx.session.exec(samplers.order_by(col(Sampler.number)))),
    )


def page(tx: Transaction, tenant: str, *, limit: int, offset: int) -> tuple[list[str], int]:
    """Session ids of the tenant, newest first, and how many there are in all."""
    wanted = select(Session.id).where(Session.tenant == tenant).order_by(col(Session.number).desc())
    found = list(tx.session.exec(wanted.limit(limit).offset(offset)))
    return found, totals(tx, tenant).sessions
