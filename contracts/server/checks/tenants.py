"""Two keys are two worlds, but for what is published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from contracts.server.batches import as_json, datum
from contracts.server.numbers import must_equal
from contracts.server.runs import TOKENS, Run
from contracts.server.samplers import Sampler
from contracts.server.tenant import answer_of
from contracts.verdicts import Violation, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contracts.exchange import Exchange
    from contracts.server.asking import Asker
    from contracts.server.tenant import Tenant


@dataclass(frozen=True)
class _World:
    """Names of a tenant's things. Those of run and path hold the session's id."""

    session: str
    run: str
    sampler: str
    path: str
    request: str

    def of_nobody(self) -> _World:
        """Names of the same form that stand for nothing."""
        session = _another(self.session)
        run, path = (name.replace(self.session, session) for name in (self.run, self.path))
        return _World(session, run, _another(self.sampler), path, _another(self.request))

    @property
    def checkpoint(self) -> str:
        return f"/training_runs/{self.run}/checkpoints/weights/a"

    def hidden(self, answer: Exchange) -> tuple[int, bytes]:
        """Status and body without these names."""
        body = answer_of(answer).body
        for name in (self.path, self.run, self.sampler, self.session, self.request):
            body = body.replace(name.encode(), b"*")
        return answer_of(answer).status, body


def _another(name: str) -> str:
    """The name with another last character."""
    return name[:-1] + ("0" if name[-1] != "0" else "1")


def _world(tenant: Tenant) -> tuple[_World, Run]:
    """A session with a run, a sampler, a checkpoint, and a result."""
    session_id = tenant.session()
    run = Run.new(tenant, session_id, user_metadata={"note": "nobody-else-may-read-this"})
    sampler = Sampler.new(tenant, session_id=session_id)
    run.step()
    path, done = run.save("a"), run.forward()
    tenant.result(done)
    return _World(session_id, run.id, sampler.id, path, tenant.field(done, "request_id")), run


def _looked_at(tenant: Tenant, world: _World) -> Iterator[Exchange]:
    """Everything that shows a thing by its name."""
    yield tenant.post("/get_info", model_id=world.run)
    yield tenant.get(f"/training_runs/{world.run}")
    yield tenant.get(f"/training_runs/{world.run}", access_scope="accessible")
    yield tenant.get(f"/training_runs/{world.run}/checkpoints")
    yield tenant.get(f"/sessions/{world.session}")
    yield tenant.post("/session_heartbeat", session_id=world.session)
    yield tenant.get(f"/samplers/{world.sampler}")
    yield tenant.post("/join_sampling_session", sampling_session_id=world.sampler)
    yield tenant.post("/weights_info", tinker_path=world.path)
    yield tenant.get(f"{world.checkpoint}/archive")


@check("strangers-see-nothing", requirement="TEN-INVISIBLE", kind="security")
def strangers_see_nothing(asker: Asker) -> None:
    """A stranger who knows the names gets, for each thing, the answer that a name of nothing gets: a 404."""
    owner = asker.tenant()
    stranger = asker.stranger_to(owner)
    world, _ = _world(owner)
    nothing = world.of_nobody()
    for theirs, nobodys in zip(_looked_at(stranger, world), _looked_at(stranger, nothing), strict=True):
        stranger.refused(theirs, 404)
        if world.hidden(theirs) != nothing.hidden(nobodys):
            raise Violation("the two answers tell what is there from what is not", theirs, nobodys)


@check("strangers-get-no-results", requirement="TEN-POLL", kind="security")
def strangers_get_no_results(asker: Asker) -> None:
    """A stranger's poll for a result, under way or told already, gets the answer of an unknown request id."""
    owner = asker.tenant()
    stranger = asker.stranger_to(owner)
    world, run = _world(owner)
    nothing = world.of_nobody()
    ahead = run.forward(seq_id=run.last_seq_id + 2)
    unknown = nothing.hidden(stranger.post("/retrieve_future", request_id=nothing.request))
    for request_id in (world.request, owner.field(ahead, "request_id")):
        answer = stranger.post("/retrieve_future", request_id=request_id)
        status, body = unknown
        if (answer_of(answer).status, answer_of(answer).body.replace(request_id.encode(), b"*")) != (status, body):
            raise Violation(f"the answer is not that of an unknown request id, {status} {body[:80]!r}", answer)
    owner.result(run.forward(seq_id=run.last_seq_id + 1))
    owner.result(ahead)


@check("lists-show-ones-own", requirement="TEN-LISTS", kind="security")
def lists_show_ones_own(asker: Asker) -> None:
    """No list, search, log or bill of a stranger names what is somebody else's, whatever its scope."""
    owner = asker.tenant()
    stranger = asker.stranger_to(owner)
    world, _ = _world(owner)
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    hours = {
        "starting_on": (now - timedelta(hours=1)).isoformat(),
        "ending_before": (now + timedelta(hours=1)).isoformat(),
    }
    answers = [
        stranger.get(path, access_scope=scope)
        for path in ("/sessions", "/training_runs")
        for scope in ("owned", "accessible")
    ]
    answers += [
        stranger.get("/checkpoints"),
        stranger.get("/audit"),
        stranger.get("/billing/usage/events", **hours),
        stranger.post("/sessions/search", owner={"type": "accessible"}, limit=50),
        stranger.post("/sessions/search", session_id=world.session),
    ]
    for answer in answers:
        stranger.ok(answer)
        if world.session.encode() in answer_of(answer).body:
            raise Violation("it names the session of another tenant", answer)


def _meddled_with(tenant: Tenant, world: _World, own: Run) -> Iterator[Exchange]:
    """Everything that changes a thing, or makes another of it."""
    numbered: dict[str, Any] = {"model_id": world.run, "seq_id": 50}
    yield tenant.post("/forward_backward", **numbered, forward_backward_input=as_json([datum(TOKENS)]))
    yield tenant.post("/optim_step", **numbered, adam_params={"learning_rate": 1.0})
    yield tenant.post("/save_weights", **numbered, path="mine")
    yield tenant.post("/unload_model", model_id=world.run)
    base_model = tenant.base_model()
    yield tenant.post("/create_model", session_id=world.session, model_seq_id=9, base_model=base_model)
    made = {"session_id": world.session, "sampling_session_seq_id": 9}
    yield tenant.post("/create_sampling_session", **made, base_model=base_model)
    yield tenant.post("/create_sampling_session", **made | {"session_id": tenant.session()}, model_path=world.path)
    yield Sampler(tenant, world.sampler).ask([10, 11])
    yield own.load(world.path)
    yield tenant.post("/copy_weights", source_path=world.path, session_id=tenant.session(), model_seq_id=0)
    yield tenant.post(f"{world.checkpoint}/publish")
    yield tenant.send("PUT", f"{world.checkpoint}/ttl", {"ttl_seconds": 3600})
    yield tenant.send("DELETE", world.checkpoint)
    yield tenant.post(f"/sessions/{world.session}/finish", reason={"type": "errored"})
    yield tenant.send("PUT", f"/sessions/{world.session}/project", {"project_id": "mine"})


@check("strangers-change-nothing", requirement="TEN-WRITE", kind="security")
def strangers_change_nothing(asker: Asker) -> None:
    """Whatever a stranger asks to be done with somebody's things is refused, and leaves them as they were."""
    owner = asker.tenant()
    stranger = asker.stranger_to(owner)
    world, run = _world(owner)
    due = run.loss()
    own = Run.new(stranger)
    for answer in _meddled_with(stranger, world, own):
        stranger.fails(answer, 403, 404, 400)
    must_equal("the loss of the owner's run", run.loss(), due, *owner.last)
    shown = run.checkpoints()
    if [(each["tinker_path"], each.get("public", False), each.get("expires_at")) for each in shown] != [
        (world.path, False, None)
    ]:
        raise Violation(f"the owner's checkpoints are {shown}", *owner.last)
    owner.ok(owner.post("/session_heartbeat", session_id=world.session))
    if len(owner.ok(owner.get(f"/sessions/{world.session}")).get("training_run_ids") or []) != 1:
        raise Violation("the owner's session has other runs than before", *owner.last)


@check("published-is-for-all", requirement="CKP-PUBLISH", kind="security")
def published_is_for_all(asker: Asker) -> None:
    """What is published others can describe, load and sample, and no more once that is undone."""
    owner = asker.tenant()
    stranger = asker.stranger_to(owner)
    world, run = _world(owner)
    due = run.loss()
    owner.ok(owner.post(f"{world.checkpoint}/publish"))
    stranger.ok(stranger.post("/weights_info", tinker_path=world.path))
    must_equal("the loss of what was published", Run.restored(stranger, world.path).loss(), due, *stranger.last)
    Sampler.new(stranger, world.path).sample(asker.tokens(4))
    owner.ok(owner.send("DELETE", f"{world.checkpoint}/publish"))
    stranger.refused(stranger.post("/weights_info", tinker_path=world.path), 404)
    session_id = stranger.session()
    late = stranger.post("/load_weights", session_id=session_id, model_seq_id=0, path=world.path, optimizer=False)
    stranger.fails(late, 404, 400)


@check("published-stays-its-owners", requirement="TEN-PUBLIC", kind="security")
def published_stays_its_owners(asker: Asker) -> None:
    """What is published nobody but its owner deletes, withdraws, gives a lifetime or saves over."""
    owner = asker.tenant()
    stranger = asker.stranger_to(owner)
    world, run = _world(owner)
    owner.ok(owner.post(f"{world.checkpoint}/publish"))
    for answer in (
        stranger.send("DELETE", f"{world.checkpoint}/publish"),
        stranger.send("PUT", f"{world.checkpoint}/ttl", {"ttl_seconds": 3600}),
        stranger.send("DELETE", world.checkpoint),
        stranger.post("/save_weights", model_id=world.run, seq_id=50, path="a", overwrite=True),
    ):
        stranger.refused(answer, 403, 404)
    shown = run.checkpoints()
    if [(each["tinker_path"], each["public"], each.get("expires_at")) for each in shown] != [(world.path, True, None)]:
        raise Violation(f"the owner's checkpoints are {shown}", *owner.last)


@check("published-shows-no-metadata", requirement="TEN-PUBLIC-METADATA", kind="security")
def published_shows_no_metadata(asker: Asker) -> None:
    """Of a run that has a published checkpoint strangers see no user_metadata."""
    owner = asker.tenant()
    stranger = asker.stranger_to(owner)
    world, _ = _world(owner)
    owner.ok(owner.post(f"{world.checkpoint}/publish"))
    for answer in (
        stranger.get(f"/training_runs/{world.run}", access_scope="accessible"),
        stranger.get("/training_runs", access_scope="accessible", limit=100),
    ):
        if b"nobody-else-may-read-this" in answer_of(answer).body:
            raise Violation("it shows what the owner wrote for itself", answer)
