"""What is answered to who makes something."""

from __future__ import annotations

from contracts.observer.case import HOLDS, Broken, Case, Found, observed, unless
from contracts.observer.routes import SUBMISSIONS


@observed("session-ids-differ", "SES-ID-UNIQUE", on={"create_session"}, of_answers=True)
def session_ids_differ(case: Case) -> Found:
    """Each create_session makes another session."""
    session = case.facts.answer.get("session_id")
    if not isinstance(session, str):
        return None
    before = case.history.sessions.get(session)
    return HOLDS if before is None else Broken(f"session {session} was given to somebody before", before)


@observed("ids-fit-paths", "SES-ID-PATH", on={"create_session", "create_model"}, of_answers=True)
def ids_fit_paths(case: Case) -> Found:
    """Ids that stand in paths hold no slash, no space and no question mark."""
    ids = [case.facts.answer.get(name) for name in ("session_id", "model_id")]
    bad = [each for each in ids if isinstance(each, str) and set(each) & set("/ ?#%")]
    return unless(not bad, f"{bad} can't stand in a path") if any(ids) else None


@observed("creation-names-the-model", "MOD-AT-ONCE", on={"create_model"}, of_answers=True)
def creation_names_the_model(case: Case) -> Found:
    """The immediate answer of create_model holds model_id."""
    if not case.facts.accepted:
        return None
    return unless(isinstance(case.facts.answer.get("model_id"), str), "no model_id in the answer")


@observed("model-id-is-foretold", "MOD-ID", on={"create_model"}, of_answers=True)
def model_id_is_foretold(case: Case) -> Found:
    """A run's id is session_id:train:model_seq_id."""
    said = case.facts.answer.get("model_id")
    if case.facts.number is None or not isinstance(said, str):
        return None
    _, session, number = case.facts.number
    return unless(said == f"{session}:train:{number}", f"model_id {said!r}, clients expect {session}:train:{number}")


@observed("submission-has-a-request-id", "SEQ-ACCEPTED", on=SUBMISSIONS, of_answers=True)
def submission_has_a_request_id(case: Case) -> Found:
    """An accepted operation is answered with a request_id."""
    return unless(bool(case.facts.request_id), "no request_id in the answer") if case.facts.accepted else None


@observed("sequence-ids-match", "SAM-IDS", on={"asample"}, of_answers=True)
def sequence_ids_match(case: Case) -> Found:
    """As many different sample_sequence_ids come as samples were asked for."""
    if not case.facts.accepted:
        return None
    asked = case.facts.body.get("num_samples") or 1
    ids = case.facts.answer.get("sample_sequence_ids")
    ok = isinstance(ids, list) and len({str(each) for each in ids}) == len(ids) == asked
    return unless(ok, f"sample_sequence_ids {ids!r:.100} for {asked} samples")


@observed("telemetry-is-accepted", "SES-TELEMETRY", on={"telemetry"}, of_answers=True)
def telemetry_is_accepted(case: Case) -> Found:
    """What telemetry is sent is answered with {"status": "accepted"}."""
    if not case.facts.accepted:
        return None
    return unless(case.facts.answer.get("status") == "accepted", f"answered {case.facts.answer!r:.100}")
