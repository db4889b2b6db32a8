"""Results: waited for by one or many, in the form that each client takes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import TYPE_CHECKING, Final

from contracts.proto import message_class
from contracts.server.batches import PROTOBUF, datum
from contracts.server.numbers import must_equal
from contracts.server.runs import Run, loss_sum
from contracts.server.samplers import Sampler
from contracts.server.tenant import AT_ONCE, JSON, answer_of
from contracts.verdicts import TooSlow, Violation, check

if TYPE_CHECKING:
    from contracts.exchange import Exchange
    from contracts.server.asking import Asker
    from contracts.server.tenant import Tenant

_UNDER_WAY: Final = 0.5
"""Seconds until a poll that was sent can be taken to be waiting."""


@check("waiting-poll-is-woken", requirement="POLL-WAKES", kind="behaviour")
def waiting_poll_is_woken(asker: Asker) -> None:
    """A poll that waits is answered within seconds of the moment from which a new one is answered at once."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    early = run.optim_step(seq_id=2)
    request_id = tenant.field(early, "request_id")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(asker.tenant(tenant.key).poll, request_id)
        sleep(_UNDER_WAY)
        tenant.ok(run.forward_backward(seq_id=1))
        sleep(2)
        known = tenant.poll(request_id)
        told = waiting.result()
    if (seconds := told.ended - known.ended) > AT_ONCE:
        raise TooSlow(f"who waited was told {seconds:.1f} s after somebody who had just come", known, told)


@check("all-who-wait-are-told", requirement="POLL-ALL", kind="behaviour")
def all_who_wait_are_told(asker: Asker) -> None:
    """Three who wait for one result, and one who comes later, get the same."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    early = run.forward(seq_id=2)
    request_id = tenant.field(early, "request_id")
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(asker.tenant(tenant.key).poll, request_id) for _ in range(3)]
        sleep(_UNDER_WAY)
        tenant.ok(run.optim_step(seq_id=1))
        answers = [each.result() for each in waiting]
    answers.append(tenant.poll(request_id))
    for answer in answers:
        tenant.refused(answer, 200)
        if answer_of(answer).json != answer_of(answers[0]).json:
            raise Violation("two who asked for one result were told different things", answers[0], answer)
    loss_sum(answer_of(answers[0]).json, answers[0])


@check("unknown-result-is-refused-at-once", requirement="POLL-UNKNOWN", kind="behaviour")
def unknown_result_is_refused_at_once(asker: Asker) -> None:
    """A request id that was never given out is refused with 404, 400 or 410, without waiting."""
    tenant = asker.tenant()
    for request_id in ("never-given-out", "00000000-0000-0000-0000-000000000000", "../../x"):
        answer = tenant.post("/retrieve_future", request_id=request_id)
        tenant.refused(answer, 404, 400, 410)
        tenant.prompt(answer)


def _sample_and_batch(asker: Asker, tenant: Tenant) -> tuple[Exchange, Exchange]:
    """A sample and a batch that were submitted."""
    sampler = Sampler.new(tenant)
    return sampler.ask(asker.tokens(5)), Run.new(tenant).forward_backward(datum(asker.tokens(9)))


@check("results-are-json-where-asked", requirement="POLL-JSON", kind="behaviour")
def results_are_json_where_asked(asker: Asker) -> None:
    """Results with tensors are JSON for who accepts only that."""
    tenant = asker.tenant()
    for submitted, field in zip(_sample_and_batch(asker, tenant), ("sequences", "loss_fn_outputs"), strict=True):
        answer = tenant.poll(tenant.field(submitted, "request_id"), accept=JSON)
        value = tenant.ok(answer)
        if answer_of(answer).media_type != JSON or not isinstance(value, dict) or field not in value:
            raise Violation(f"it is {answer_of(answer).media_type}, and no JSON object with {field}", answer)


@check("protobuf-says-what-json-says", requirement="POLL-PROTO", kind="behaviour")
def protobuf_says_what_json_says(asker: Asker) -> None:
    """Results with tensors are protobuf for who accepts that, with the numbers of the JSON form."""
    tenant = asker.tenant()
    sampled, trained = (tenant.field(each, "request_id") for each in _sample_and_batch(asker, tenant))
    plain, packed = (_in_form(tenant, trained, accept) for accept in (JSON, f"{PROTOBUF}, {JSON}"))
    output = message_class("ForwardBackwardOutput").FromString(answer_of(packed).body)
    due = loss_sum(answer_of(plain).json, plain)
    must_equal("loss:sum of the protobuf form", output.metrics.get("loss:sum", 0.0), due, plain, packed)
    plain, packed = (_in_form(tenant, sampled, accept) for accept in (JSON, f"{PROTOBUF}, {JSON}"))
    response = message_class("SampleResponse").FromString(answer_of(packed).body)
    tokens = memoryview(response.sequences[0].tokens).cast("i").tolist()
    if tokens != answer_of(plain).json["sequences"][0]["tokens"]:
        raise Violation("the protobuf form has other tokens than the JSON form", plain, packed)


def _in_form(tenant: Tenant, request_id: str, accept: str) -> Exchange:
    answer = tenant.poll(request_id, accept=accept)
    due = accept.split(",", maxsplit=1)[0]
    if answer_of(answer).media_type != due:
        raise Violation(f"the result is {answer_of(answer).media_type} where {due} was accepted first", answer)
    return answer
