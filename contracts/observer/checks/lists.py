"""Pages of lists, and what stands in them."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import parse_qs

from contracts.observer.case import HOLDS, Broken, Case, Found, observed, unless

_ITEMS: Final = {
    "list_training_runs": "training_runs",
    "list_user_checkpoints": "checkpoints",
    "list_checkpoints": "checkpoints",
    "list_sessions": "sessions",
}
_CHECKPOINTS: Final = {"list_user_checkpoints", "list_checkpoints"}
_ON_CHECKPOINTS: Final = {"publish", "unpublish", "set_ttl", "archive", "external_weights_urls", "weights_info"}


def _items(case: Case) -> list[Any] | None:
    items = case.facts.answer.get(_ITEMS[case.facts.operation])
    return items if case.facts.accepted and isinstance(items, list) else None


@observed("cursor-is-consistent", "LST-CURSOR", on=_ITEMS, of_answers=True)
def cursor_is_consistent(case: Case) -> Found:
    """A list's cursor repeats offset and limit and knows the total; no page is longer than its limit."""
    items, cursor = _items(case), case.facts.answer.get("cursor")
    if items is None or not isinstance(cursor, dict):
        return None
    offset, limit, total = (cursor.get(name) for name in ("offset", "limit", "total_count"))
    if not (isinstance(offset, int) and isinstance(limit, int) and isinstance(total, int)):
        return Broken(f"cursor {cursor}: offset, limit and total_count are numbers")
    asked = parse_qs(case.facts.request.query)
    for name, said in (("offset", offset), ("limit", limit)):
        if asked.get(name, [str(said)])[-1] != str(said) and name == "offset":
            return Broken(f"cursor.offset {said}, {asked[name][-1]} was asked for")
    # A limit of 0 asks for all in some lists; a server may also have a largest page.
    if limit and len(items) > limit:
        return Broken(f"{len(items)} items on a page of {limit}")
    complete = not items or total >= offset + len(items)
    return unless(complete, f"total_count {total}, but there are items up to {offset + len(items)}")


@observed("deleted-is-gone", "CKP-DELETED", on=_CHECKPOINTS | _ON_CHECKPOINTS, of_answers=True)
def deleted_is_gone(case: Case) -> Found:
    """A deleted checkpoint is in no list, and nothing can be done with it."""
    facts = case.facts
    if not case.history.deleted or not (facts.accepted or facts.status == 302):
        return None
    if facts.operation in _CHECKPOINTS:
        paths = [each.get("tinker_path") for each in _items(case) or () if isinstance(each, dict)]
    else:
        paths = [facts.route.checkpoint or facts.body.get("tinker_path")]
    for path in paths:
        deleted = case.history.deleted.get((facts.tenant, str(path)))
        if deleted is not None and not (facts.timed and facts.exchange.started < deleted.ended):
            return Broken(f"{path} was deleted", deleted)
    return HOLDS


@observed("old-clients-see-no-external", "LST-KNOWN-TYPES", on=_CHECKPOINTS, of_answers=True)
def old_clients_see_no_external(case: Case) -> Found:
    """SDKs up to 0.27 see no checkpoint of type external in any list."""
    version = re.search(r"AsyncTinker/Python 0\.(\d+)", case.facts.request.headers.get("user-agent", ""))
    items = _items(case)
    if version is None or int(version[1]) > 27 or items is None:
        return None
    external = [each for each in items if isinstance(each, dict) and each.get("checkpoint_type") == "external"]
    return unless(not external, f"{len(external)} of type external, on which SDK 0.{version[1]} refuses the list")
