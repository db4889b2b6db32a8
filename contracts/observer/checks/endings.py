"""What a client does with things that are over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.observer.case import HOLDS, Case, Found, observed, unless
from contracts.observer.routes import TRAINING

if TYPE_CHECKING:
    from contracts.exchange import Exchange

_IN_BODIES = {"load_weights": "path", "create_sampling_session": "model_path", "copy_weights": "source_path"}
_IN_PATHS = {"publish", "unpublish", "set_ttl", "archive", "external_weights_urls"}
_MAKING = {"create_model", "create_sampling_session", "load_weights"}


def _over(case: Case, ended: Exchange | None, evidence: str) -> Found:
    if ended is None:
        return HOLDS
    meanwhile = case.facts.timed and case.exchange.started < ended.ended
    return unless(meanwhile, evidence, ended)


@observed("deleted-is-not-used", "C-DELETED", on=_IN_BODIES.keys() | _IN_PATHS)
def deleted_is_not_used(case: Case) -> Found:
    """A deleted checkpoint is not used any more."""
    facts = case.facts
    path = facts.route.checkpoint or facts.body.get(_IN_BODIES.get(facts.operation, ""))
    if not isinstance(path, str):
        return None
    return _over(case, case.history.deleted.get((facts.tenant, path)), f"{path} was deleted")


@observed("unloaded-is-not-used", "C-UNLOADED", on=TRAINING | {"get_info"})
def unloaded_is_not_used(case: Case) -> Found:
    """An unloaded run is not used any more."""
    run = str(case.facts.body.get("model_id"))
    return _over(case, case.history.unloaded.get((case.facts.tenant, run)), f"{run} was unloaded")


@observed("finished-is-not-used", "C-FINISHED", on=_MAKING)
def finished_is_not_used(case: Case) -> Found:
    """Nothing new is made in a session that was finished."""
    session = case.facts.body.get("session_id")
    if not isinstance(session, str):
        return None
    return _over(case, case.history.finished.get((case.facts.tenant, session)), f"session {session} was finished")
