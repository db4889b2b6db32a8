"""Checkpoints: saved, loaded, and what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.server.batches import datum
from contracts.server.numbers import must_differ, must_equal
from contracts.server.runs import Run
from contracts.server.samplers import Sampler
from contracts.verdicts import Violation, check

if TYPE_CHECKING:
    from contracts.server.asking import Asker


@check("unnamed-save-has-a-path", requirement="CKP-EPHEMERAL-PATH", kind="behaviour")
def unnamed_save_has_a_path(asker: Asker) -> None:
    """A save for the sampler without a path answers Tinkex a path beside the sampler, and the sampler samples."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    fields = {"sampling_session_seq_id": 3, "kind": "snapshot"}
    submitted = run.submit("/save_weights_for_sampler", fields, user_agent="AsyncTinkex/Elixir 0.15.0")
    Sampler(tenant, tenant.told(submitted, "sampling_session_id")).sample(asker.tokens(4))
    if not run.saved(submitted).startswith("tinker://"):
        raise Violation("the path is none of tinker://", submitted, *tenant.last)


@check("checkpoint-holds-its-moment", requirement="CKP-CONTENT", kind="behaviour")
def checkpoint_holds_its_moment(asker: Asker) -> None:
    """Two saves with training between and behind them, sent without waiting, hold the state at their numbers."""
    tenant, data = asker.tenant(), datum(asker.tokens(12))
    orderly, run = Run.new(tenant), Run.new(tenant)
    due = []
    for _ in range(2):
        orderly.step(data)
        due.append(orderly.loss(data))
    must_differ("the loss after another step", due[1], due[0], *tenant.last)
    saves = []
    for name in ("first", "second", "never-looked-at"):
        run.forward_backward(data)
        run.optim_step()
        saves.append(run.submit("/save_weights", {"path": name}))
    for save, loss in zip(saves, due, strict=False):
        must_equal("the loss of a checkpoint", Run.restored(tenant, run.saved(save)).loss(data), loss, save)


@check("loading-brings-the-numbers-back", requirement="CKP-RESTORE", kind="behaviour")
def loading_brings_the_numbers_back(asker: Asker) -> None:
    """A run that loads a checkpoint after more training has the loss that it had when it saved."""
    tenant, data = asker.tenant(), datum(asker.tokens(12))
    run = Run.new(tenant)
    run.step(data)
    due, path = run.loss(data), run.save("before")
    run.step(data)
    must_differ("the loss after another step", run.loss(data), due, *tenant.last)
    loaded = run.load(path)
    tenant.result(loaded)
    must_equal("the loss after loading", run.loss(data), due, loaded)


@check("optimizer-is-loaded-where-asked", requirement="CKP-OPTIMIZER", kind="behaviour")
def optimizer_is_loaded_where_asked(asker: Asker) -> None:
    """After loading with the optimizer a step leads where it led before; without, it is a first step.

    A first step of Adam goes the whole way whatever its gradient's length, and one against the moments of three steps
    hardly moves: so the second batch teaches the opposite of the first.
    """
    tenant, tokens = asker.tenant(), asker.tokens(12)
    there, back = datum(tokens), datum(tokens, [-1.0] * 11)
    run = Run.new(tenant)
    for _ in range(3):
        run.step(there, learning_rate=3e-4)
    path = run.save("momentum")
    run.step(back, learning_rate=3e-4)
    due = run.loss(there)
    with_moments, without = (Run.restored(tenant, path, optimizer=optimizer) for optimizer in (True, False))
    for each in (with_moments, without):
        each.step(back, learning_rate=3e-4)
    must_equal("the loss a step after loading with the optimizer", with_moments.loss(there), due, *tenant.last)
    must_differ("the loss a step after loading without the optimizer", without.loss(there), due, *tenant.last)


@check("restored-run-counts-from-one", requirement="CKP-VIA-LOAD", kind="behaviour")
def restored_run_counts_from_one(asker: Asker) -> None:
    """A run made by load_weights has the id that its client computed, and takes seq_id 1 first."""
    tenant = asker.tenant()
    path = Run.new(tenant).save("seed")
    session_id = tenant.session()
    run = Run.restored(tenant, path, session_id=session_id, model_seq_id=4)
    if run.id != f"{session_id}:train:4":
        raise Violation(f"the run is called {run.id}", *tenant.last)
    run.step()
    tenant.ok(tenant.post("/get_info", model_id=f"{session_id}:train:4"))


@check("loading-nothing-fails", requirement="CKP-LOAD-UNKNOWN", kind="behaviour")
def loading_nothing_fails(asker: Asker) -> None:
    """Loading what is not there is refused with 404 or 400, or fails with category user; the run goes on."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    for path in (f"tinker://{run.id}/weights/never-saved", "tinker://never-made:train:0/weights/a"):
        tenant.fails(run.load(path), 404, 400)
        session_id = tenant.session()
        tenant.fails(
            tenant.post("/load_weights", session_id=session_id, model_seq_id=0, path=path, optimizer=True), 404, 400
        )
    run.step()


@check("taken-name-is-kept", requirement="CKP-NAME-TAKEN", kind="behaviour")
def taken_name_is_kept(asker: Asker) -> None:
    """A save under a taken name fails and leaves what is there; with overwrite it takes its place."""
    tenant, data = asker.tenant(), datum(asker.tokens(12))
    run = Run.new(tenant)
    path = run.save("name")
    first = run.loss(data)
    run.step(data)
    tenant.fails(run.submit("/save_weights", {"path": "name"}), 400)
    must_equal("the loss of the first checkpoint", Run.restored(tenant, path).loss(data), first, *tenant.last)
    run.save("name", overwrite=True)
    must_equal("the loss of the second", Run.restored(tenant, path).loss(data), run.loss(data), *tenant.last)


@check("name-must-fit-a-path", requirement="CKP-BAD-NAME", kind="behaviour")
def name_must_fit_a_path(asker: Asker) -> None:
    """A name with a slash, a space, dots alone, a NUL, or too long is refused or fails with category user."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    for name in ("a/b", "a b", "..", ".", "../../a", "%2e%2e", "", "a\x00b", "a\n", "a" * 5000):
        for route in ("/save_weights", "/save_weights_for_sampler"):
            tenant.fails(run.submit(route, {"path": name}), 400, 422)


@check("short-lifetime-is-refused", requirement="CKP-TTL-MIN", kind="behaviour")
def short_lifetime_is_refused(asker: Asker) -> None:
    """A lifetime of 0, below 0, or below an hour is refused with 400 or 422, in a save and afterwards."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    run.save("kept")
    for seconds in (0, -1, 3599):
        tenant.refused(run.submit("/save_weights", {"path": f"ttl{seconds}", "ttl_seconds": seconds}), 400, 422)
        place = f"{run.place('weights/kept')}/ttl"
        tenant.refused(tenant.send("PUT", place, {"ttl_seconds": seconds}), 400, 422)
