"""What goes wrong after a submission was taken, and what is given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.server.batches import datum
from contracts.server.runs import Run
from contracts.server.samplers import Sampler
from contracts.server.tenant import answer_of, object_of
from contracts.verdicts import Violation, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contracts.exchange import Exchange
    from contracts.server.asking import Asker
    from contracts.server.tenant import Tenant


def _wrong(tenant: Tenant) -> Iterator[Exchange]:
    """Submissions that can't succeed, and that few servers look into at once."""
    run = Run.new(tenant)
    yield run.forward_backward(loss_fn="no_such_loss")
    yield run.forward_backward(datum([10, 2**31 - 1, 12]))
    run.save("taken")
    yield run.submit("/save_weights", {"path": "taken"})
    yield run.load(f"tinker://{run.id}/weights/never-saved")
    yield Sampler.new(tenant).ask([10, 2**31 - 1])


@check("failure-is-an-answer", requirement="FAIL-200", kind="behaviour")
def failure_is_an_answer(asker: Asker) -> None:
    """What was taken and fails is told with status 200 and `error`; what is refused instead is refused with 4xx."""
    tenant = asker.tenant()
    for submitted in _wrong(tenant):
        if answer_of(submitted).status in {400, 404, 422}:
            continue
        answer = tenant.poll(tenant.field(submitted, "request_id"))
        tenant.refused(answer, 200)
        if "error" not in object_of(answer):
            raise Violation("it can't have succeeded, and there is no error", submitted, answer)


@check("users-mistakes-are-theirs", requirement="FAIL-USER", kind="behaviour")
def users_mistakes_are_theirs(asker: Asker) -> None:
    """What the user did wrong is refused, or fails with category user."""
    tenant = asker.tenant()
    for submitted in _wrong(tenant):
        tenant.fails(submitted, 400, 404, 422)


@check("success-holds-no-error", requirement="POLL-ONE-END", kind="behaviour")
def success_holds_no_error(asker: Asker) -> None:
    """No result that succeeded has a field `error`, by which clients know failures."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    for submitted in (run.forward_backward(), run.optim_step(), run.submit("/save_weights", {"path": "a"})):
        answer = tenant.poll(tenant.field(submitted, "request_id"))
        tenant.refused(answer, 200)
        if "error" in object_of(answer):
            raise Violation("a field `error` in what nothing was wrong with", submitted, answer)


@check("given-up-sample-is-cancelled", requirement="CANCEL-OK", kind="behaviour")
def given_up_sample_is_cancelled(asker: Asker) -> None:
    """cancel_future is answered with 2xx for a sample under way, one that has ended, and one that was cancelled."""
    tenant = asker.tenant()
    sampler = Sampler.new(tenant)
    ended = sampler.ask(asker.tokens(4))
    sampler.drawn(ended)
    under_way = sampler.ask(asker.tokens(4), sampling_params={"max_tokens": 400})
    for submitted in (ended, under_way, under_way):
        tenant.ok(tenant.post("/cancel_future", request_id=tenant.field(submitted, "request_id")))
    # Whatever became of it, it has an end.
    tenant.poll(tenant.field(under_way, "request_id"))
    if len(sampler.sample(asker.tokens(4))) != 1:
        raise Violation("the sampler does not go on behind a cancelled sample", *tenant.last)
