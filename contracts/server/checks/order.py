"""Operations of a run: by number whatever order they arrive in, and nothing hangs on one that never comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.server.batches import datum
from contracts.server.numbers import must_differ, must_equal
from contracts.server.runs import Run
from contracts.server.tenant import answer_of
from contracts.verdicts import Violation, check

if TYPE_CHECKING:
    from contracts.server.asking import Asker

_PATIENCE: Final = 30.0
"""Seconds that a run may wait for a number. Clients wait longer, but nobody would call that "not hanging"."""


@check("numbers-rule-not-arrival", requirement="SEQ-ORDER", kind="behaviour")
def numbers_rule_not_arrival(asker: Asker) -> None:
    """What arrives last to first is executed first to last, as the numbers of an orderly run show."""
    tenant, one, two = asker.tenant(), datum(asker.tokens(12)), datum(asker.tokens(12))
    orderly = Run.new(tenant)
    before = orderly.loss(one)
    orderly.step(one)
    orderly.step(two)
    due = orderly.loss(one)
    must_differ("the loss after two steps", due, before)
    run = Run.new(tenant)
    last = run.forward(one, seq_id=5)
    for submitted in (
        run.optim_step(seq_id=4),
        run.forward_backward(two, seq_id=3),
        run.optim_step(seq_id=2),
        run.forward_backward(one, seq_id=1),
    ):
        tenant.ok(submitted)
    must_equal("the loss of 5, sent before 4, 3, 2 and 1,", run.loss_of(last), due, last)


@check("inversion-is-put-right", requirement="SEQ-INVERSION", kind="behaviour")
def inversion_is_put_right(asker: Asker) -> None:
    """Of 5, 7, 6 all are executed, 7 after 6."""
    tenant, data = asker.tenant(), datum(asker.tokens(12))
    orderly, run = Run.new(tenant), Run.new(tenant)
    for each in (orderly, run):
        each.step(data)
        each.step(data)
    orderly.step(data)
    submitted = [run.forward_backward(data, seq_id=5), run.forward(data, seq_id=7), run.optim_step(seq_id=6)]
    for exchange in submitted:
        tenant.result(exchange, within=_PATIENCE)
    must_equal("the loss of 7", run.loss_of(submitted[1]), orderly.loss(data), *submitted)


@check("submission-does-not-wait", requirement="SEQ-NO-BLOCK", kind="behaviour")
def submission_does_not_wait(asker: Asker) -> None:
    """A submission is answered within four seconds although the number before it is missing."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    early = run.optim_step(seq_id=2)
    tenant.ok(early)
    tenant.prompt(early)
    tenant.result(run.forward_backward(seq_id=1))
    tenant.result(early)


@check("refused-number-is-used-up", requirement="SEQ-REFUSED-CONSUMED", kind="behaviour")
def refused_number_is_used_up(asker: Asker) -> None:
    """After a submission that was refused the next number is executed."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    for route, fields in (
        ("/optim_step", {"adam_params": "none"}),
        ("/save_weights", {"path": "no/name"}),
        ("/save_weights", {"path": "short", "ttl_seconds": -1}),
    ):
        refused = run.submit(route, fields)
        if answer_of(refused).status < 300:
            # It fails later, which uses the number up as well.
            tenant.fails(refused)
        tenant.result(run.forward_backward(), within=_PATIENCE)


@check("gap-is-given-up", requirement="SEQ-GAP", kind="behaviour")
def gap_is_given_up(asker: Asker) -> None:
    """Behind a number that never comes the run goes on within half a minute, or says that it can't."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    tenant.result(run.forward_backward(seq_id=1))
    behind = run.forward_backward(seq_id=3)
    tenant.poll(tenant.field(behind, "request_id"), within=_PATIENCE)
    tenant.result(run.forward_backward(seq_id=4), within=_PATIENCE)


@check("runs-do-not-wait-for-each-other", requirement="SEQ-RUNS-INDEPENDENT", kind="behaviour")
def runs_do_not_wait_for_each_other(asker: Asker) -> None:
    """While one run waits for a number, another one of the session uses the same numbers and gets its results."""
    tenant = asker.tenant()
    session_id = tenant.session()
    waiting, other = (Run.new(tenant, session_id, model_seq_id=number) for number in range(2))
    early = waiting.optim_step(seq_id=2)
    for submitted in (other.forward_backward(seq_id=1), other.optim_step(seq_id=2)):
        if tenant.field(submitted, "request_id") == tenant.field(early, "request_id"):
            raise Violation("two runs share a request", early, submitted)
        tenant.result(submitted)
        tenant.prompt(tenant.last[0])
    tenant.result(waiting.forward_backward(seq_id=1))
    tenant.result(early)


@check("failure-leaves-the-run-alone", requirement="SEQ-FAILED-GOES-ON", kind="behaviour")
def failure_leaves_the_run_alone(asker: Asker) -> None:
    """After a failed batch the run trains on as if that had never been."""
    tenant, data = asker.tenant(), datum(asker.tokens(12))
    spared, run = Run.new(tenant), Run.new(tenant)
    for each in (spared, run):
        tenant.result(each.forward_backward(data))
        if each is run:
            tenant.fails(run.forward_backward(data, loss_fn="no_such_loss"), 400, 422)
            tenant.fails(run.forward_backward(datum([10, 2**31 - 1, 12])), 400, 422)
        tenant.result(each.optim_step())
    must_equal("the loss after a step with failures", run.loss(data), spared.loss(data), *tenant.last)
