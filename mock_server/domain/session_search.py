"""Finding sessions by what was said of them, newest first, page by page."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from sqlalchemy import bindparam, select

from mock_server.domain import usage
from mock_server.domain.errors import NotFound
from mock_server.domain.metadata import as_text
from mock_server.domain.usage import Held
from mock_server.store import Query, Transaction
from mock_server.store.tables import SESSIONS, Session

DEFAULT_PROJECT: Final = "default"
"""What the search calls the project of sessions that were given none: its answers must name one."""
FINISHED: Final = ("success", "errored", "interrupted")

_BATCH: Final = 200
_NUMBER: Final = Query[Session](
    select(SESSIONS.c.number, SESSIONS.c.tenant).where(SESSIONS.c.id == bindparam("session"))
)
_NEWEST: Final = Query[Session](
    select(SESSIONS)
    .where(SESSIONS.c.tenant == bindparam("tenant"), SESSIONS.c.number < bindparam("before"))
    .order_by(SESSIONS.c.number.desc())
    .limit(bindparam("limit"))
)


@dataclass(frozen=True)
class Search:
    """What to look for. None, or an empty mapping, leaves the matter open.

    display_name: words that must all stand in the name, in any case.  With session_id, either may hold.
    statuses: values of Session.status.  user_metadata: as answers show it, as text.
    """

    session_id: str | None = None
    project_ids: frozenset[str] | None = None
    user_metadata: dict[str, str] = field(default_factory=dict)
    display_name: str | None = None
    statuses: frozenset[str] | None = None

    def finds(self, session: Session) -> bool:
        """Whether the session is one of these."""
        if self.project_ids is not None and (session.project_id or DEFAULT_PROJECT) not in self.project_ids:
            return False
        if self.statuses is not None and session.status not in self.statuses:
            return False
        known = session.user_metadata
        if not all(key in known and as_text(known[key]) == value for key, value in self.user_metadata.items()):
            return False
        return self._is_named(session)

    def _is_named(self, session: Session) -> bool:
        if self.session_id is None and self.display_name is None:
            return True
        if session.id == self.session_id:
            return True
        name = (session.display_name or "").casefold()
        words = None if self.display_name is None else self.display_name.casefold().split()
        return words is not None and all(word in name for word in words)


@dataclass(frozen=True)
class Found:
    """A page of sessions, each with the checkpoints that were saved in it and are there still; whether more follow."""

    sessions: list[tuple[Session, Held]]
    more: bool


def search(tx: Transaction, tenant: str, wanted: Search, *, limit: int, after: str | None) -> Found:
    """Up to `limit` of the tenant's sessions, older than the session `after`."""
    matches = (session for session in _older(tx, tenant, after) if wanted.finds(session))
    page = list(islice(matches, limit))
    more = next(matches, None) is not None
    return Found([(session, usage.held_by_session(tx, session.id)) for session in page], more)


def _older(tx: Transaction, tenant: str, after: str | None) -> Iterator[Session]:
    before = (1 << 63) - 1
    if after is not None:
        row = tx.row(_NUMBER, session=after)
        if row is None or row.tenant != tenant or row.number is None:
            raise NotFound(f"cursor.last_session_id {after!r} does not exist: pass next_cursor unchanged")
        before = row.number
    while batch := tx.rows(_NEWEST, tenant=tenant, before=before, limit=_BATCH):
        yield from batch
        assert batch[-1].number is not None
        before = batch[-1].number
