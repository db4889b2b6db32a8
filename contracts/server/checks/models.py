"""Training runs: made, described, let go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.server.runs import RANK, Run
from contracts.verdicts import Violation, check

if TYPE_CHECKING:
    from contracts.server.asking import Asker


@check("run-is-made-once", requirement="MOD-SAME", kind="behaviour")
def run_is_made_once(asker: Asker) -> None:
    """A repeated create_model names the same run and request, and the session has one run."""
    tenant = asker.tenant()
    session_id, base_model = tenant.session(), tenant.base_model()
    fields = {"session_id": session_id, "model_seq_id": 0, "base_model": base_model, "lora_config": {"rank": RANK}}
    first, again = (tenant.post("/create_model", **fields) for _ in range(2))
    for name in ("request_id", "model_id"):
        if tenant.field(first, name) != tenant.field(again, name):
            raise Violation(f"the repetition has another {name}", first, again)
    tenant.result(first)
    later = tenant.post("/create_model", **fields)
    if tenant.field(later, "model_id") != tenant.field(first, "model_id"):
        raise Violation("a repetition after the result names another run", first, later)
    session = tenant.get(f"/sessions/{session_id}")
    if len(tenant.ok(session).get("training_run_ids", ())) != 1:
        raise Violation("the session has not exactly one run", session)


@check("info-describes-the-run", requirement="MOD-INFO", kind="behaviour")
def info_describes_the_run(asker: Asker) -> None:
    """get_info names the run, its base model, its rank, and a tokenizer."""
    tenant = asker.tenant()
    for number, rank in enumerate((RANK, 4)):
        run = Run.new(tenant, model_seq_id=number, lora_config={"rank": rank})
        answer = tenant.post("/get_info", model_id=run.id)
        info = tenant.ok(answer)
        data = info.get("model_data") or {}
        found = (info.get("model_id"), data.get("model_name"), info.get("lora_rank"))
        if found != (run.id, tenant.base_model(), rank):
            raise Violation(f"model_id, model_data.model_name and lora_rank are {found}", answer)
        if not isinstance(data.get("tokenizer_id") or data.get("model_name"), str):
            raise Violation("it names nothing to choose a tokenizer by", answer)


@check("unknown-run-has-no-info", requirement="MOD-INFO-UNKNOWN", kind="behaviour")
def unknown_run_has_no_info(asker: Asker) -> None:
    """get_info of a run that is not there is answered with 404."""
    tenant = asker.tenant()
    tenant.refused(tenant.post("/get_info", model_id=f"{tenant.session()}:train:0"), 404)


@check("unknown-base-model-is-refused", requirement="MOD-UNKNOWN-BASE", kind="behaviour")
def unknown_base_model_is_refused(asker: Asker) -> None:
    """A base model that is not served is refused with 404 or 400, or fails with category user."""
    tenant = asker.tenant()
    session_id = tenant.session()
    for number, name in enumerate(("no-such-org/no-such-model", "../../etc")):
        fields = {"session_id": session_id, "model_seq_id": number, "base_model": name, "lora_config": {"rank": RANK}}
        tenant.fails(tenant.post("/create_model", **fields), 404, 400)


@check("unknown-session-makes-no-run", requirement="MOD-UNKNOWN-SESSION", kind="behaviour")
def unknown_session_makes_no_run(asker: Asker) -> None:
    """A session that is not there is refused with 404 or 400, or the creation fails with category user."""
    tenant = asker.tenant()
    base_model = tenant.base_model()
    submitted = tenant.post("/create_model", session_id="never-opened", model_seq_id=0, base_model=base_model)
    tenant.fails(submitted, 404, 400)


@check("impossible-rank-is-refused", requirement="MOD-RANK", kind="behaviour")
def impossible_rank_is_refused(asker: Asker) -> None:
    """A rank of 0, below it, or of text is refused, or fails with category user."""
    tenant = asker.tenant()
    session_id, base_model = tenant.session(), tenant.base_model()
    for number, rank in enumerate((0, -1, "eight", 10**9)):
        fields = {"session_id": session_id, "model_seq_id": number, "base_model": base_model}
        tenant.fails(tenant.post("/create_model", **fields, lora_config={"rank": rank}), 400, 422)


@check("unloaded-run-is-over", requirement="MOD-UNLOAD", kind="behaviour")
def unloaded_run_is_over(asker: Asker) -> None:
    """After unload_model nothing can be trained in the run."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    tenant.result(run.forward_backward())
    tenant.result(tenant.post("/unload_model", model_id=run.id))
    for submitted in (run.forward_backward(), run.optim_step()):
        tenant.fails(submitted, 400, 404, 410)
