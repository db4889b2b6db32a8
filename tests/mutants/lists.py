"""Servers that are wrong about lists, and about what they keep of a tenant's work."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mock_server.domain import audit, session_search, sessions, usage
from mock_server.domain.session_search import Search
from tests.mutants.surgery import Answer, answers, mutant, replaced, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable

LISTS = "GET /(sessions|training_runs|checkpoints)"


@answers(LISTS, killed_by="page-behind-the-end-is-empty")
def total_forgotten_at_the_end(answer: Answer) -> None:
    """Says of an empty page that there is nothing at all."""
    value = answer.json
    if answer.ok and not any(value[name] for name in ("sessions", "training_runs", "checkpoints") if name in value):
        answer.replace(cursor={**value["cursor"], "total_count": 0})


@answers(LISTS, killed_by="impossible-page-is-refused")
def any_page(answer: Answer) -> None:
    """Shows an empty page where it was asked for one that can't be."""
    if answer.status == 422:
        field = answer.path.rpartition("/")[2]
        answer.status, answer.json = 200, {field: [], "cursor": {"offset": 0, "limit": 0, "total_count": 0}}


@answers("GET /training_runs/[^/]+/checkpoints", killed_by="unknown-run-is-404")
def checkpoints_of_nobody(answer: Answer) -> None:
    """Lists no checkpoints where there is no run."""
    if answer.status == 404:
        answer.status, answer.json = 200, {"checkpoints": []}


@answers("(GET|DELETE) /training_runs/.*", killed_by="colons-and-slashes-are-read")
def colons_not_decoded(answer: Answer) -> None:
    """Looks for runs by what stands in the path, percent signs and all."""
    if "%3" in answer.target:
        answer.refuse(404, "no such run")


@answers("GET /(training_runs|sessions).*", killed_by="scopes-are-known")
def any_scope(answer: Answer) -> None:
    """Takes a scope that it does not know for another one."""
    if answer.status == 422:
        answer.status, answer.json = 200, {}


@mutant(killed_by="search-finds-sessions")
def search_knows_no_names() -> None:
    """Finds sessions whatever they are called."""
    wrapped(Search, "_is_named", lambda _: lambda *_: True)


@mutant(killed_by="search-finds-sessions")
def search_begins_again() -> None:
    """Begins a search anew on each page."""
    wrapped(session_search, "_older", lambda older: lambda tx, tenant, _: older(tx, tenant, None))


@mutant(killed_by="status-is-searched")
def search_knows_no_status() -> None:
    """Finds sessions of every status, whichever was asked for."""
    wrapped(Search, "finds", lambda finds: lambda self, session: finds(replace(self, statuses=None), session))


@mutant(killed_by="session-joins-a-project")
def project_forgotten() -> None:
    """Says that it moved a session to a project, and does not."""
    replaced(sessions, "assign_project", lambda tx, tenant, session_id, _: sessions.owned(tx, tenant, session_id))


@mutant(killed_by="usage-is-told-by-the-hour")
def usage_counted_twice() -> None:
    """Bills every token twice."""
    wrapped(usage, "add", lambda add: lambda tx, used: add(tx, [each for each in used for _ in range(2)]))


@answers("GET /billing/usage/events", killed_by="usage-is-told-by-the-hour")
def buckets_of_any_time(answer: Answer) -> None:
    """Begins its buckets of usage within the hour."""
    if answer.ok:
        answer.body = answer.body.replace(b":00:00Z", b":07:00Z")


@mutant(killed_by="storage-is-counted")
def deleted_is_stored() -> None:
    """Bills what was deleted."""

    def forget(*_: object) -> None:
        return

    replaced(usage, "removed", forget)


@mutant(killed_by="audit-tells-what-happened")
def deletion_not_audited() -> None:
    """Leaves deletions out of the audit log."""

    def all_but(write: Callable[..., Any]) -> Callable[..., Any]:
        def writes(tx: Any, tenant: str, event: str, **details: Any) -> None:
            if "delete" not in event:
                write(tx, tenant, event, **details)

        return writes

    wrapped(audit, "write", all_but)
