"""Samplers: made, named, joined, unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.server.runs import Run
from contracts.server.samplers import Sampler
from contracts.verdicts import Violation, check

if TYPE_CHECKING:
    from contracts.server.asking import Asker


@check("repeated-sampler-is-the-same", requirement="SAM-SESSION-SAME", kind="behaviour")
def repeated_sampler_is_the_same(asker: Asker) -> None:
    """A repeated create_sampling_session names the same sampler, the next number another one."""
    tenant = asker.tenant()
    session_id = tenant.session()
    first, again, other = (Sampler.new(tenant, session_id=session_id, number=number).id for number in (0, 0, 1))
    if first != again or first == other:
        raise Violation(f"0, 0 and 1 are {first}, {again} and {other}", *tenant.last)


@check("two-counters-of-samplers", requirement="SAM-SESSION-COUNTERS", kind="behaviour")
def two_counters_of_samplers(asker: Asker) -> None:
    """In one session number 0 may be the sampler of an unnamed save and one of a base model; both can be asked."""
    tenant = asker.tenant()
    session_id = tenant.session()
    run = Run.new(tenant, session_id)
    created = Sampler.new(tenant, session_id=session_id, number=0)
    unnamed = run.submit("/save_weights_for_sampler", {"sampling_session_seq_id": 0, "kind": "snapshot"})
    saved = Sampler(tenant, tenant.told(unnamed, "sampling_session_id"))
    if created.id == saved.id:
        raise Violation("the two have one id", unnamed, *tenant.last)
    for sampler in (created, saved):
        sampler.sample(asker.tokens(4))


@check("sampler-names-its-base", requirement="SAM-BASE-MODEL", kind="behaviour")
def sampler_names_its_base(asker: Asker) -> None:
    """samplers/{id} names the sampler and its base model, colons raw or percent-encoded, of a checkpoint too."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    for sampler in (Sampler.new(tenant), Sampler.new(tenant, run.save("named", kind="sampler_weights"))):
        for name in (sampler.id, sampler.id.replace(":", "%3A")):
            answer = tenant.get(f"/samplers/{name}")
            value = tenant.ok(answer)
            if (value.get("sampler_id"), value.get("base_model")) != (sampler.id, tenant.base_model()):
                raise Violation("sampler_id and base_model are others", answer)


@check("unknown-sampler-draws-nothing", requirement="SAM-UNKNOWN", kind="behaviour")
def unknown_sampler_draws_nothing(asker: Asker) -> None:
    """Sampling from what is not there is refused with 404, or fails with category user."""
    tenant = asker.tenant()
    tenant.fails(Sampler(tenant, "never-made:sample:0").ask([10, 11]), 404)


@check("unknown-checkpoint-makes-no-sampler", requirement="SAM-UNKNOWN-PATH", kind="behaviour")
def unknown_checkpoint_makes_no_sampler(asker: Asker) -> None:
    """A sampling session of a checkpoint that is not there is refused with 404."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    for path in (f"tinker://{run.id}/sampler_weights/never-saved", "tinker://never-made:train:0/sampler_weights/a"):
        fields = {"session_id": tenant.session(), "sampling_session_seq_id": 0, "model_path": path}
        tenant.refused(tenant.post("/create_sampling_session", **fields), 404)


@check("joined-clients-differ", requirement="SAM-JOIN", kind="behaviour")
def joined_clients_differ(asker: Asker) -> None:
    """Each join_sampling_session gets another client_counter."""
    tenant = asker.tenant()
    sampler = Sampler.new(tenant)
    answers = [tenant.post("/join_sampling_session", sampling_session_id=sampler.id) for _ in range(3)]
    counters = [tenant.ok(answer).get("client_counter") for answer in answers]
    if not all(isinstance(each, int) for each in counters) or len(set(counters)) != 3:
        raise Violation(f"the counters are {counters}", *answers)
