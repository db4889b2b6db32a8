"""Lists: their pages, their order, and what no page can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from contracts.server.runs import Run
from contracts.server.samplers import Sampler
from contracts.server.tenant import answer_of
from contracts.verdicts import Violation, check

if TYPE_CHECKING:
    from collections.abc import Callable

    from contracts.exchange import Exchange
    from contracts.server.asking import Asker
    from contracts.server.tenant import Tenant

_MADE: Final = 4


@dataclass(frozen=True)
class _List:
    """field: what its items stand in. name: what an item is called. make: makes items, oldest first, by name."""

    path: str
    field: str
    name: Callable[[Any], Any]
    make: Callable[[Tenant], list[str]]

    def page(self, tenant: Tenant, *, limit: int, offset: int) -> tuple[Exchange, list[Any], int]:
        """The answer, the names on it, and how many there are in all."""
        answer = tenant.get(self.path, limit=limit, offset=offset)
        value = tenant.ok(answer)
        try:
            return answer, [self.name(each) for each in value[self.field]], int(value["cursor"]["total_count"])
        except (LookupError, TypeError):
            raise Violation(f"it has no {self.field} and no cursor with a total_count", answer) from None


def _runs(tenant: Tenant) -> list[str]:
    session_id = tenant.session()
    return [Run.new(tenant, session_id, model_seq_id=number).id for number in range(_MADE)]


def _checkpoints(tenant: Tenant) -> list[str]:
    run = Run.new(tenant)
    return [run.save(f"c{number}") for number in range(_MADE)]


_LISTS: Final = (
    _List("/sessions", "sessions", str, lambda tenant: [tenant.session() for _ in range(_MADE)]),
    _List("/training_runs", "training_runs", lambda run: run["training_run_id"], _runs),
    _List("/checkpoints", "checkpoints", lambda checkpoint: checkpoint["tinker_path"], _checkpoints),
)


@check("pages-hold-each-item-once", requirement="LST-PAGES", kind="behaviour")
def pages_hold_each_item_once(asker: Asker) -> None:
    """Pages of two are the parts of one long page, no item stands on two of them, and the total is true."""
    tenant = asker.tenant()
    for each in _LISTS:
        made = each.make(tenant)
        answer, whole, total = each.page(tenant, limit=6, offset=0)
        parts = [each.page(tenant, limit=2, offset=offset) for offset in (0, 2, 4)]
        names = [name for _, part, _ in parts for name in part]
        if names != whole or len(set(names)) != len(names):
            raise Violation(f"pages of two hold {names}, one of six {whole}", answer, *(part[0] for part in parts))
        if {part[2] for part in parts} != {total} or total < len(set(made) | set(whole)):
            raise Violation(f"the totals are {total} and {[part[2] for part in parts]}", answer, *tenant.last)
        if total <= len(whole) and not set(made) <= set(whole):
            raise Violation(f"the list of all {total} misses {set(made) - set(whole)}", answer)


@check("newest-comes-first", requirement="LST-NEWEST", kind="behaviour")
def newest_comes_first(asker: Asker) -> None:
    """What was made last stands before what was made earlier."""
    tenant = asker.tenant()
    for each in _LISTS:
        made = each.make(tenant)
        answer, found, _ = each.page(tenant, limit=_MADE, offset=0)
        if found != made[::-1]:
            raise Violation(f"the first page holds {found} where {made[::-1]} was made last", answer)


@check("page-behind-the-end-is-empty", requirement="LST-EMPTY-PAGE", kind="behaviour")
def page_behind_the_end_is_empty(asker: Asker) -> None:
    """An offset behind the end gives an empty page with the true total."""
    tenant = asker.tenant()
    for each in _LISTS:
        each.make(tenant)
        _, _, total = each.page(tenant, limit=1, offset=0)
        answer, found, told = each.page(tenant, limit=10, offset=total + 5)
        if found or told != total:
            raise Violation(f"behind the end of {total} stand {found} of {told}", answer)


@check("impossible-page-is-refused", requirement="LST-BAD-PAGE", kind="behaviour")
def impossible_page_is_refused(asker: Asker) -> None:
    """A negative offset or limit, or one that is no number, is refused with 400 or 422."""
    tenant = asker.tenant()
    for each in _LISTS:
        for query in ({"offset": -1}, {"limit": -1}, {"limit": "many"}, {"offset": "x"}, {"offset": 10**30}):
            tenant.refused(tenant.get(each.path, **query), 400, 422)


@check("unknown-run-is-404", requirement="RUN-UNKNOWN", kind="behaviour")
def unknown_run_is_404(asker: Asker) -> None:
    """A run that is not there is answered with 404, and so are its checkpoints."""
    tenant = asker.tenant()
    for run_id in ("never-made:train:0", f"{tenant.session()}:train:7", "x"):
        tenant.refused(tenant.get(f"/training_runs/{run_id}"), 404)
        tenant.refused(tenant.get(f"/training_runs/{run_id}/checkpoints"), 404)


@check("colons-and-slashes-are-read", requirement="RUN-COLONS", kind="behaviour")
def colons_and_slashes_are_read(asker: Asker) -> None:
    """Runs are found by raw and by percent-encoded colons, checkpoints by an id whose slash is raw."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    for number, run_id in enumerate((run.id, run.id.replace(":", "%3A"), run.id.replace(":", "%3a"))):
        if tenant.field(tenant.get(f"/training_runs/{run_id}"), "training_run_id") != run.id:
            raise Violation("another run came", *tenant.last)
        run.save(f"c{number}")
        tenant.ok(tenant.get(f"/training_runs/{run_id}/checkpoints"))
        tenant.ok(tenant.send("DELETE", f"/training_runs/{run_id}/checkpoints/weights/c{number}"))


@check("scopes-are-known", requirement="RUN-SCOPE", kind="behaviour")
def scopes_are_known(asker: Asker) -> None:
    """access_scope owned and accessible show one's own run, another one is refused with 400 or 422."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    for path in ("/training_runs", "/sessions", f"/training_runs/{run.id}"):
        for scope in ("owned", "accessible"):
            tenant.ok(tenant.get(path, access_scope=scope))
        tenant.refused(tenant.get(path, access_scope="everything"), 400, 422)


@check("session-names-what-is-in-it", requirement="SES-GET", kind="behaviour")
def session_names_what_is_in_it(asker: Asker) -> None:
    """A session names its runs and samplers, and nothing before there is any."""
    tenant = asker.tenant()
    session_id = tenant.session()
    due: dict[str, list[str]] = {"training_run_ids": [], "sampler_ids": []}
    for full in (False, True):
        if full:
            due["training_run_ids"] = [Run.new(tenant, session_id, model_seq_id=number).id for number in range(2)]
            due["sampler_ids"] = [Sampler.new(tenant, session_id=session_id, number=number).id for number in range(2)]
        answer = tenant.get(f"/sessions/{session_id}")
        found = {name: sorted(tenant.ok(answer).get(name) or []) for name in due}
        if found != {name: sorted(ids) for name, ids in due.items()}:
            raise Violation(f"it names {found} where {due} was due", answer)
    answer = tenant.get("/sessions/never-opened")
    if answer_of(answer).status != 404:
        raise Violation("a session that is not there is not 404", answer)
