"""What training does to a run: gradients, steps, and the numbers that tell of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contracts.server.batches import datum
from contracts.server.numbers import must_differ, must_equal
from contracts.server.runs import Run
from contracts.verdicts import Violation, check

if TYPE_CHECKING:
    from contracts.server.asking import Asker


@check("every-step-lowers-the-loss", requirement="TRN-LOSS-FALLS", kind="behaviour")
def every_step_lowers_the_loss(asker: Asker) -> None:
    """Each of four small steps on the same data lowers its loss."""
    run, data = Run.new(asker.tenant()), datum(asker.tokens(12))
    before = run.loss(data)
    for number in range(4):
        run.step(data, learning_rate=3e-4)
        after = run.loss(data)
        if after >= before:
            raise Violation(f"step {number + 1} took the loss from {before:.6g} to {after:.6g}", *run.tenant.last)
        before = after


@check("equal-runs-are-equal", requirement="TRN-SAME", kind="behaviour")
def equal_runs_are_equal(asker: Asker) -> None:
    """Two runs of one seed that are taught the same have the same loss after each step."""
    tenant, data = asker.tenant(), datum(asker.tokens(12))
    one, other = Run.new(tenant), Run.new(tenant)
    for _ in range(3):
        must_equal("the other run's loss", other.loss(data), one.loss(data), *tenant.last)
        one.step(data)
        other.step(data)


@check("forward-leaves-no-gradients", requirement="TRN-FORWARD-PURE", kind="behaviour")
def forward_leaves_no_gradients(asker: Asker) -> None:
    """A forward pass before a step changes nothing of what the step does."""
    tenant, one, two = asker.tenant(), datum(asker.tokens(12)), datum(asker.tokens(12))
    plain, looked = Run.new(tenant), Run.new(tenant)
    for run in (plain, looked):
        tenant.result(run.forward_backward(one))
        if run is looked:
            run.loss(two)
        tenant.result(run.optim_step())
    must_equal("the loss after a step with a forward pass before it", looked.loss(one), plain.loss(one), *tenant.last)


@check("gradients-add-up", requirement="TRN-ACCUMULATE", kind="behaviour")
def gradients_add_up(asker: Asker) -> None:
    """Two batches before a step teach what one batch of both teaches, and not what the second teaches alone."""
    tenant, one, two = asker.tenant(), datum(asker.tokens(12)), datum(asker.tokens(12))
    whole, parts, second = (Run.new(tenant) for _ in range(3))
    for run, batches in ((whole, [(one, two)]), (parts, [(one,), (two,)]), (second, [(two,)])):
        for batch in batches:
            tenant.result(run.forward_backward(*batch))
        tenant.result(run.optim_step())
    due = whole.loss(one)
    must_differ("the loss without the first batch", second.loss(one), due, *tenant.last)
    must_equal("the loss after two batches", parts.loss(one), due, *tenant.last)


@check("step-is-one-of-adam", requirement="TRN-ADAM", kind="behaviour")
def step_is_one_of_adam(asker: Asker) -> None:
    """The second of two steps whose gradients are opposite hardly moves the loss, as Adam's moments have it.

    With both betas 0.99 a first step goes the whole way, and one back from it 0.5 percent of the way, since the mean
    of the two gradients is nearly zero. A server that makes each step twice, keeps gradients, or has no moments goes
    from a sixth of the way to all of it.
    """
    run, tokens = Run.new(asker.tenant()), asker.tokens(16)
    there, back = datum(tokens), datum(tokens, [-1.0] * 15)
    losses = [run.loss(there)]
    for data in (there, back):
        run.tenant.result(run.forward_backward(data))
        run.tenant.result(run.optim_step(learning_rate=1e-4, beta1=0.99, beta2=0.99, eps=1e-12))
        losses.append(run.loss(there))
    first, second = losses[1] - losses[0], losses[2] - losses[1]
    must_differ("the loss after a step", losses[1], losses[0], *run.tenant.last)
    if abs(second) > 0.1 * abs(first):
        raise Violation(
            f"a step moved the loss by {first:.6g}, one against its gradient by {second:.6g}", *run.tenant.last
        )


@check("learning-rate-counts", requirement="TRN-OPTIMIZER", kind="behaviour")
def learning_rate_counts(asker: Asker) -> None:
    """A learning rate of 0 leaves the loss where it was, and a larger one goes further than a smaller one."""
    tenant, data = asker.tenant(), datum(asker.tokens(12))
    falls = []
    for rate in (0.0, 3e-5, 3e-4):
        run = Run.new(tenant)
        before = run.loss(data)
        run.step(data, learning_rate=rate)
        falls.append(before - run.loss(data))
        if rate == 0:
            must_equal("the fall of the loss with a learning rate of 0", falls[0], 0.0, *tenant.last)
    if not 0 < falls[1] * 3 < falls[2]:
        raise Violation(f"with 3e-5 the loss fell by {falls[1]:.6g}, with 3e-4 by {falls[2]:.6g}", *tenant.last)


@check("other-optimizers-step", requirement="TRN-OPTIMIZER", kind="behaviour")
def other_optimizers_step(asker: Asker) -> None:
    """A run made for DiMuon takes its optimizer_params, and learns."""
    tenant, data = asker.tenant(), datum(asker.tokens(12))
    run = Run.new(tenant, optimizer_config={"type": "dimuon", "version": 1})
    before = run.loss(data)
    tenant.result(run.forward_backward(data))
    parameters = {"type": "dimuon", "learning_rate": 1e-3, "grad_clip_norm": 0.0, "beta1": 0.9}
    tenant.result(run.submit("/optim_step", {"optimizer_params": parameters}))
    must_differ("the loss after a step of DiMuon", run.loss(data), before, *tenant.last)


def _outputs(result: Any, count: int) -> list[list[float]]:
    """The logprobs of each datum of a result in JSON."""
    try:
        found = [[float(number) for number in output["logprobs"]["data"]] for output in result["loss_fn_outputs"]]
    except (LookupError, TypeError) as error:
        raise Violation(f"the result has no logprobs: {error!r}") from error
    if len(found) != count:
        raise Violation(f"the result has {len(found)} outputs for {count} data")
    return found


@check("logprobs-of-each-target", requirement="TRN-LOGPROBS", kind="behaviour")
def logprobs_of_each_target(asker: Asker) -> None:
    """Each datum's output, in their order, has a log-probability for each of its targets, the same as alone."""
    tenant = asker.tenant()
    run, long, short = Run.new(tenant), datum(asker.tokens(12)), datum(asker.tokens(7))
    submitted = run.forward_backward(long, short)
    together = _outputs(tenant.result(submitted), 2)
    for data, found in zip((long, short), together, strict=True):
        if len(found) != len(data["loss_fn_inputs"]["target_tokens"]["data"]):
            raise Violation(f"{len(found)} logprobs where each target needs one", submitted, *tenant.last)
        alone = _outputs(tenant.result(run.forward(data)), 1)[0]
        for number, due in zip(found, alone, strict=True):
            must_equal("a log-probability", number, due, submitted, *tenant.last)


@check("loss-sum-is-the-sum", requirement="TRN-LOSS-SUM", kind="behaviour")
def loss_sum_is_the_sum(asker: Asker) -> None:
    """loss:sum is the sum of each target's weight times its negative log-probability."""
    tenant, tokens = asker.tenant(), asker.tokens(8)
    run = Run.new(tenant)
    for weights in ([1.0] * 7, [0.0, 0.0, 1.0, 2.0, 0.5, 0.0, 1.0]):
        submitted = run.forward_backward(datum(tokens, weights))
        logprobs = _outputs(tenant.result(submitted), 1)[0]
        due = -sum(weight * logprob for weight, logprob in zip(weights, logprobs, strict=True))
        if due <= 0:
            raise Violation("the logprobs are no logarithms of probabilities", submitted, *tenant.last)
        must_equal("loss:sum", run.loss_of(submitted), due, submitted, *tenant.last)
