"""What is kept of a tenant's work: sessions to be searched, projects, the audit log, the bill."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from contracts.server.batches import datum
from contracts.server.runs import Run
from contracts.verdicts import Violation, check

if TYPE_CHECKING:
    from contracts.exchange import Exchange
    from contracts.server.asking import Asker
    from contracts.server.tenant import Tenant


def _found(tenant: Tenant, **query: Any) -> tuple[Exchange, list[dict[str, Any]], Any]:
    """The answer of a search, the sessions on it, and where the next page begins."""
    answer = tenant.post("/sessions/search", **query)
    value = tenant.ok(answer)
    if not isinstance(value, dict) or not isinstance(value.get("sessions"), list):
        raise Violation("the search has no sessions", answer)
    return answer, value["sessions"], value.get("next_cursor")


@check("search-finds-sessions", requirement="SES-SEARCH", kind="behaviour")
def search_finds_sessions(asker: Asker) -> None:
    """A search by metadata finds its sessions, page by page behind the cursor, each with owner and project."""
    tenant = asker.tenant()
    mark = {"batch": tenant.session()}
    mine = {tenant.session(user_metadata=mark, display_name=f"Day {number}") for number in range(3)}
    found: list[str] = []
    cursor = None
    for _ in range(len(mine) + 1):
        answer, sessions, cursor = _found(tenant, user_metadata=mark, limit=1, cursor=cursor)
        found += [str(each.get("session_id")) for each in sessions]
        if len(sessions) > 1 or not all({"owner", "project_id", "created_at"} <= each.keys() for each in sessions):
            raise Violation("a page of one has more, or a session without owner, project_id and created_at", answer)
        if cursor is None:
            break
    if sorted(found) != sorted(mine) or cursor is not None:
        raise Violation(f"the pages hold {found} where {sorted(mine)} was due", *tenant.last)
    for name, due in (("day 1", 1), ("no such name", 0)):
        answer, sessions, _ = _found(tenant, user_metadata=mark, display_name=name)
        if len(sessions) != due:
            raise Violation(f"a search for the name {name!r} finds {len(sessions)} of {due}", answer)


@check("status-is-searched", requirement="SES-SEARCH", kind="behaviour")
def status_is_searched(asker: Asker) -> None:
    """A search by status tells sessions that were finished from those that live."""
    tenant = asker.tenant()
    mark = {"batch": tenant.session()}
    alive, done = (tenant.session(user_metadata=mark) for _ in range(2))
    tenant.ok(tenant.post(f"/sessions/{done}/finish", reason={"type": "success"}))
    for status, due in (("active", alive), ("client_finished", done)):
        answer, sessions, _ = _found(tenant, user_metadata=mark, statuses=[{"type": status}])
        if [each.get("session_id") for each in sessions] != [due]:
            raise Violation(f"{status} finds {[each.get('session_id') for each in sessions]}, not {due}", answer)


@check("session-joins-a-project", requirement="SES-PROJECT", kind="behaviour")
def session_joins_a_project(asker: Asker) -> None:
    """A session that is assigned to a project is found by it, with its runs."""
    tenant = asker.tenant()
    project = f"project-{tenant.session()}"
    session_id = tenant.session()
    run = Run.new(tenant, session_id)
    for _ in range(2):
        tenant.ok(tenant.send("PUT", f"/sessions/{session_id}/project", {"project_id": project}))
    answer, sessions, _ = _found(tenant, project_ids=[project])
    if session_id not in {each.get("session_id") for each in sessions}:
        raise Violation(f"the project holds {sessions}", answer)
    listed = tenant.get("/training_runs", project_id=project)
    if run.id not in {each.get("training_run_id") for each in tenant.ok(listed).get("training_runs") or []}:
        raise Violation("the project has no such run", listed)
    tenant.refused(tenant.send("PUT", "/sessions/never-opened/project", {"project_id": project}), 404)


@check("usage-is-told-by-the-hour", requirement="BIL-EVENTS", kind="behaviour")
def usage_is_told_by_the_hour(asker: Asker) -> None:
    """Tokens that were trained are in the usage of their session, in buckets that begin and end on the hour."""
    tenant, count = asker.tenant(), 40
    session_id = tenant.session()
    run = Run.new(tenant, session_id)
    for _ in range(2):
        tenant.result(run.forward_backward(datum(asker.tokens(count + 1))))
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    # An hour more on both sides: the server's clock need not be ours.
    window = {"starting_on": now - timedelta(hours=1), "ending_before": now + timedelta(hours=2)}
    answer = tenant.get("/billing/usage/events", **{name: at.isoformat() for name, at in window.items()})
    tokens = 0
    for event in tenant.ok(answer).get("data") or []:
        begins, ends = (datetime.fromisoformat(event[name]) for name in ("bucket_start", "bucket_end"))
        if (begins.minute, begins.second, ends.minute, ends.second) != (0, 0, 0, 0) or begins >= ends:
            raise Violation(f"a bucket goes from {begins} to {ends}", answer)
        info = event.get("event_info") or {}
        if event.get("session_id") == session_id and info.get("type") == "training":
            tokens += int(info["token_count"])
    if tokens != 2 * count:
        raise Violation(f"{tokens} tokens were trained in the session where {2 * count} were due", answer)


@check("storage-is-counted", requirement="BIL-STORAGE", kind="behaviour")
def storage_is_counted(asker: Asker) -> None:
    """Two checkpoints of a project are two, with bytes, and one after one of them is deleted."""
    tenant = asker.tenant()
    project = f"project-{tenant.session()}"
    run = Run.new(tenant, tenant.session(project_id=project))
    for name in ("a", "b"):
        run.save(name)
    for due in (2, 1):
        answer = tenant.get("/billing/usage/checkpoints/current", project_id=project)
        lines = tenant.ok(answer).get("data") or []
        count, size = (sum(line[name] for line in lines) for name in ("checkpoint_count", "size_bytes"))
        if count != due or size <= 0:
            raise Violation(f"it counts {count} checkpoints of {size} bytes where there are {due}", answer)
        tenant.ok(tenant.send("DELETE", run.place("weights/b" if due == 2 else "weights/a")))


@check("audit-tells-what-happened", requirement="AUD-LOG", kind="behaviour")
def audit_tells_what_happened(asker: Asker) -> None:
    """The audit log tells of a checkpoint that it was published, and after that, that it was deleted."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    path = run.save("a")
    tenant.ok(tenant.send("POST", f"{run.place('weights/a')}/publish"))
    tenant.ok(tenant.send("DELETE", run.place("weights/a")))
    today = datetime.now(UTC).date()
    told = ""
    # The server's clock need not be ours, and around midnight a part of it happened on another day.
    for days in (-1, 0, 1):
        answer = tenant.get("/audit", event_type="checkpoints", day=(today + timedelta(days=days)).isoformat())
        for entry in tenant.ok(answer).get("entries") or []:
            if path in {entry.get("tinker_path"), (entry.get("event_details") or {}).get("tinker_path")}:
                told += f" {entry.get('event')}"
    if not 0 <= told.find("publish") < told.find("delete"):
        raise Violation(f"of {path} it tells{told or ' nothing'}", *tenant.last)
