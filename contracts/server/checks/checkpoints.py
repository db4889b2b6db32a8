"""Checkpoints as their owner looks at them: listed, described, given a lifetime, published, copied, deleted."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from contracts.server.batches import datum
from contracts.server.numbers import must_equal
from contracts.server.runs import RANK, Run
from contracts.server.samplers import Sampler
from contracts.verdicts import Violation, check

if TYPE_CHECKING:
    from contracts.server.asking import Asker
    from contracts.server.tenant import Tenant


def shown(run: Run, checkpoint_id: str) -> dict[str, Any]:
    """One checkpoint as the run's list shows it."""
    found = [each for each in run.checkpoints() if each.get("checkpoint_id") == checkpoint_id]
    if len(found) != 1:
        raise Violation(f"the run's list has {len(found)} checkpoints {checkpoint_id}", *run.tenant.last)
    return found[0]


@check("saved-is-listed", requirement="CKP-LISTED", kind="behaviour")
def saved_is_listed(asker: Asker) -> None:
    """Each kind of checkpoint is in the list of its run, and of its owner, with its path and its type."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    types = {"weights": "training", "sampler_weights": "sampler"}
    paths = {f"{kind}/a": run.save("a", kind=kind) for kind in types}
    for checkpoint_id, path in paths.items():
        mine = shown(run, checkpoint_id)
        due = (path, types[checkpoint_id.partition("/")[0]])
        if (mine.get("tinker_path"), mine.get("checkpoint_type")) != due:
            raise Violation(f"{checkpoint_id} is shown as {mine} where {due} was due", *tenant.last)
    everything = {each.get("tinker_path") for each in _all(tenant)}
    if not set(paths.values()) <= everything:
        raise Violation(f"the owner's list misses {set(paths.values()) - everything}", *tenant.last)


def _all(tenant: Tenant) -> list[dict[str, Any]]:
    """The tenant's checkpoints, as far as a hundred pages show them."""
    found: list[dict[str, Any]] = []
    for _ in range(100):
        page = tenant.ok(tenant.get("/checkpoints", limit=100, offset=len(found))).get("checkpoints") or []
        found += page
        if len(page) < 100:
            break
    return found


@check("metadata-is-kept", requirement="FORM-METADATA-KEPT", kind="behaviour")
def metadata_is_kept(asker: Asker) -> None:
    """The user_metadata of a session, a run and a checkpoint are shown with them, each value as text."""
    tenant = asker.tenant()
    given, due = {"note": "a", "step": 7, "tags": ["x"]}, {"note": "a", "step": "7"}
    session_id = tenant.session(user_metadata=given)
    run = Run.new(tenant, session_id, user_metadata=given)
    run.save("a", user_metadata=given)
    for what, value in (
        ("session", tenant.ok(tenant.get(f"/sessions/{session_id}"))),
        ("run", tenant.ok(tenant.get(f"/training_runs/{run.id}"))),
        ("checkpoint", shown(run, "weights/a")),
    ):
        found = value.get("user_metadata") or {}
        if {name: found.get(name) for name in due} != due or not isinstance(found.get("tags"), str):
            raise Violation(f"the {what} shows {found} where {given} was given", *tenant.last)


@check("lifetime-is-set-and-removed", requirement="CKP-TTL-SET", kind="behaviour")
def lifetime_is_set_and_removed(asker: Asker) -> None:
    """PUT ttl shows an expiry that long after the save, null removes it, and a save may give one."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    run.save("a")
    run.save("b", ttl_seconds=7200)
    for checkpoint_id, seconds in (("weights/a", 86400), ("weights/b", 7200)):
        if checkpoint_id == "weights/a":
            tenant.ok(tenant.send("PUT", f"{run.place(checkpoint_id)}/ttl", {"ttl_seconds": seconds}))
        checkpoint = shown(run, checkpoint_id)
        if not checkpoint.get("expires_at"):
            raise Violation(f"{checkpoint_id} shows no expires_at", *tenant.last)
        lives = datetime.fromisoformat(checkpoint["expires_at"]) - datetime.fromisoformat(checkpoint["time"])
        if not seconds - 60 <= lives.total_seconds() <= seconds + 600:
            raise Violation(f"{checkpoint_id} lives {lives} where {seconds} s were given", *tenant.last)
        tenant.ok(tenant.send("PUT", f"{run.place(checkpoint_id)}/ttl", {"ttl_seconds": None}))
        if shown(run, checkpoint_id).get("expires_at") is not None:
            raise Violation(f"{checkpoint_id} expires still", *tenant.last)


@check("deleted-checkpoint-is-nowhere", requirement="CKP-DELETED", kind="behaviour")
def deleted_checkpoint_is_nowhere(asker: Asker) -> None:
    """A deleted checkpoint is in no list, has no info, can't be loaded; a sampler made of it samples on."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    path, sampled = run.save("a"), run.save("a", kind="sampler_weights")
    sampler = Sampler.new(tenant, sampled)
    for checkpoint_id in ("weights/a", "sampler_weights/a"):
        tenant.ok(tenant.send("DELETE", run.place(checkpoint_id)))
    if left := run.checkpoints():
        raise Violation(f"the list holds {left} still", *tenant.last)
    if {path, sampled} & {each.get("tinker_path") for each in _all(tenant)}:
        raise Violation("the owner's list holds it still", *tenant.last)
    tenant.refused(tenant.post("/weights_info", tinker_path=path), 404)
    tenant.fails(run.load(path), 404, 400)
    sampler.sample(asker.tokens(4))


@check("deleting-nothing-is-404", requirement="CKP-DELETE-UNKNOWN", kind="behaviour")
def deleting_nothing_is_404(asker: Asker) -> None:
    """Deleting what never was, or was deleted before, is answered with 404."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    run.save("a")
    tenant.refused(tenant.send("DELETE", run.place("weights/never-saved")), 404)
    tenant.ok(tenant.send("DELETE", run.place("weights/a")))
    tenant.refused(tenant.send("DELETE", run.place("weights/a")), 404)


@check("publication-is-shown", requirement="CKP-PUBLISH", kind="behaviour")
def publication_is_shown(asker: Asker) -> None:
    """A checkpoint is private, public once published, and private again once that is undone."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    run.save("a")
    seen = [shown(run, "weights/a").get("public", False)]
    for method in ("POST", "DELETE"):
        tenant.ok(tenant.send(method, f"{run.place('weights/a')}/publish"))
        seen.append(shown(run, "weights/a").get("public", False))
    if seen != [False, True, False]:
        raise Violation(f"before, published, and unpublished `public` is {seen}", *tenant.last)


@check("published-twice-is-published", requirement="CKP-PUBLISH-TWICE", kind="behaviour")
def published_twice_is_published(asker: Asker) -> None:
    """Publishing, and undoing it, is answered with 2xx the second time as well."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    run.save("a")
    for method in ("POST", "POST", "DELETE", "DELETE"):
        tenant.ok(tenant.send(method, f"{run.place('weights/a')}/publish"))


@check("info-describes-the-weights", requirement="CKP-INFO", kind="behaviour")
def info_describes_the_weights(asker: Asker) -> None:
    """weights_info names base model, is_lora, rank, and which parts were trained."""
    tenant = asker.tenant()
    run = Run.new(tenant, lora_config={"train_mlp": False, "train_unembed": False})
    answer = tenant.post("/weights_info", tinker_path=run.save("a"))
    info = tenant.ok(answer)
    due = {"base_model": tenant.base_model(), "is_lora": True, "lora_rank": RANK, "train_attn": True}
    due |= {"train_mlp": False, "train_unembed": False}
    if wrong := {name: info.get(name) for name, value in due.items() if info.get(name) != value}:
        raise Violation(f"it says {wrong} of a run made with {due}", answer)


@check("copy-has-the-weights", requirement="CKP-COPY", kind="behaviour")
def copy_has_the_weights(asker: Asker) -> None:
    """copy_weights answers another path, whose checkpoint has the loss of the first, and outlives it."""
    tenant, data = asker.tenant(), datum(asker.tokens(12))
    run = Run.new(tenant)
    run.step(data)
    path = run.save("a")
    answer = tenant.post("/copy_weights", source_path=path, session_id=tenant.session(), model_seq_id=0)
    copy = tenant.field(answer, "tinker_path")
    if copy == path:
        raise Violation("the copy is the original", answer)
    due = run.loss(data)
    tenant.ok(tenant.send("DELETE", run.place("weights/a")))
    must_equal("the loss of the copy", Run.restored(tenant, copy).loss(data), due, answer)


@check("run-tells-its-last-checkpoint", requirement="CKP-LAST", kind="behaviour")
def run_tells_its_last_checkpoint(asker: Asker) -> None:
    """A run says that it is not corrupted, and its newest checkpoint of each kind; none before the first."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    due: dict[str, str | None] = {"last_checkpoint": None, "last_sampler_checkpoint": None}
    for name in ("", "first", "second"):
        if name:
            due["last_checkpoint"] = run.save(name)
            due["last_sampler_checkpoint"] = run.save(name, kind="sampler_weights")
        answer = tenant.get(f"/training_runs/{run.id}")
        told = tenant.ok(answer)
        found = {field: (told.get(field) or {}).get("tinker_path") for field in due}
        if found != due or told.get("corrupted", False):
            raise Violation(f"it says {found}, corrupted {told.get('corrupted')}, where {due} was due", answer)
