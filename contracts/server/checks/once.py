"""Every operation once, however often it is sent; and one number for one thing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from contracts.server.batches import datum
from contracts.server.numbers import must_differ, must_equal
from contracts.server.runs import Run
from contracts.verdicts import Violation, check

if TYPE_CHECKING:
    from collections.abc import Callable

    from contracts.exchange import Exchange
    from contracts.server.asking import Asker
    from contracts.server.batches import Datum


def _loss_of_two_steps(run: Run, data: tuple[Datum, ...], sent: Callable[[Callable[[], Exchange]], Exchange]) -> float:
    """Two steps of all the data. sent: makes the request that it is given, as often as it likes."""
    tenant = run.tenant
    for _ in range(2):
        for each in data:
            batch = partial(run.forward_backward, each, seq_id=run.next_seq_id())
            tenant.result(sent(batch))
        tenant.result(sent(partial(run.optim_step, seq_id=run.next_seq_id())))
    return run.loss(data[0])


@check("repeated-step-steps-once", requirement="SEQ-APPLIED-ONCE", kind="behaviour")
def repeated_step_steps_once(asker: Asker) -> None:
    """Batches and steps that are each sent three times train as if they were sent once."""
    tenant = asker.tenant()
    data = (datum(asker.tokens(12)), datum(asker.tokens(12)))
    untrained, once, thrice = (Run.new(tenant) for _ in range(3))

    def sent_thrice(send: Callable[[], Exchange]) -> Exchange:
        first = send()
        send()
        tenant.result(first)
        return send()

    due = _loss_of_two_steps(once, data, lambda send: send())
    must_differ("the loss after two steps", due, untrained.loss(data[0]))
    found = _loss_of_two_steps(thrice, data, sent_thrice)
    must_equal("the loss after two steps, each sent three times,", found, due, *tenant.last)


@check("repetition-is-known-by-number", requirement="SEQ-NEW-KEY", kind="behaviour")
def repetition_is_known_by_number(asker: Asker) -> None:
    """A submission repeated under another idempotency key gets the first one's request id."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    fields = {"adam_params": {"learning_rate": 1e-4}}
    tenant.result(run.forward_backward())
    first, again = (run.submit("/optim_step", fields, 2, x_idempotency_key=f"key-{n}") for n in range(2))
    if tenant.field(again, "request_id") != tenant.field(first, "request_id"):
        raise Violation("the repetition has another request_id", first, again)
    tenant.result(first)


@check("used-number-is-a-conflict", requirement="SEQ-CONFLICT-409", kind="behaviour")
def used_number_is_a_conflict(asker: Asker) -> None:
    """Another request under a used seq_id is answered with 409, and the run goes on as if it had not come."""
    tenant, one, two = asker.tenant(), datum(asker.tokens(12)), datum(asker.tokens(12))
    spared, run = Run.new(tenant), Run.new(tenant)
    spared.step(one)
    tenant.result(run.forward_backward(one))
    tenant.refused(run.forward_backward(two, seq_id=1), 409)
    tenant.refused(run.optim_step(seq_id=1), 409)
    tenant.result(run.optim_step())
    must_equal("the loss after a conflict", run.loss(one), spared.loss(one), *tenant.last)
