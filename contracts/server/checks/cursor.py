"""One poll for all samples of a client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contracts.server.samplers import Sampler
from contracts.server.tenant import answer_of
from contracts.verdicts import Violation, check

if TYPE_CHECKING:
    from contracts.exchange import Exchange
    from contracts.server.asking import Asker
    from contracts.server.tenant import Tenant


def _ask(tenant: Tenant, sampler: Sampler, cursor: int, **fields: Any) -> tuple[Exchange, dict[str, str], int]:
    """The answer, what it tells (state by request id), and the next cursor."""
    target = {"type": "sampling_session", "sampling_session_id": sampler.id, "cloned_sampler_id": 0}
    answer = tenant.post("/retrieve_futures", target=target, prev_cursor=cursor, **fields)
    value = tenant.ok(answer)
    try:
        told = {each["request_id"]: each["state"] for each in value["completions"]}
        return answer, told, int(value["cursor"])
    except (LookupError, TypeError, ValueError):
        raise Violation("it has no completions and no cursor", answer) from None


@check("completions-are-told-once", requirement="CUR-TELLS", kind="behaviour")
def completions_are_told_once(asker: Asker) -> None:
    """Samples that ended, well or badly, are told with how they ended, and behind the next cursor no more."""
    tenant = asker.tenant()
    sampler = Sampler.new(tenant)
    asked = [sampler.ask(asker.tokens(4)) for _ in range(2)]
    due = {tenant.field(each, "request_id"): "finished" for each in asked}
    wrong = sampler.ask([10, 2**31 - 1])
    if answer_of(wrong).status == 200:
        due[tenant.field(wrong, "request_id")] = "failed"
    for request_id in due:
        tenant.poll(request_id)
    answer, told, cursor = _ask(tenant, sampler, 0, timeout=0.0)
    if told != due or cursor <= 0:
        raise Violation(f"it tells {told} and cursor {cursor} where {due} was due", answer)
    again, told, same = _ask(tenant, sampler, cursor, timeout=0.0, retrieved_request_ids=list(due))
    if told or same < cursor:
        raise Violation(f"behind cursor {cursor} it tells {told} and cursor {same}", answer, again)


@check("acknowledgement-does-not-wait", requirement="CUR-AT-ONCE", kind="behaviour")
def acknowledgement_does_not_wait(asker: Asker) -> None:
    """retrieve_futures with timeout 0 is answered at once although nothing has ended."""
    tenant = asker.tenant()
    answer, told, _ = _ask(tenant, Sampler.new(tenant), 0, timeout=0.0)
    tenant.prompt(answer)
    if told:
        raise Violation(f"nothing was asked for, and it tells {told}", answer)
