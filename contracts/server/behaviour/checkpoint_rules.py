"""Checkpoints: saved, loaded, listed, published, dated, deleted."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from contracts.oracle import Answer, Checkpoint, Kind, Order
from contracts.server.behaviour.checks import DELETED, EXPIRED, LIFETIME, LISTS, MOMENT, NAME, PUBLIC, SOUND
from contracts.server.behaviour.runs import named
from contracts.server.behaviour.stage import PICKS, Stage, picked, step
from contracts.server.behaviour.wire import place
from contracts.server.behaviour.world import OWNER, NotNow
from contracts.server.tenant import answer_of

PAGE: Final = 100
MOST_PAGES: Final = 20
LIFETIME_SECONDS: Final = 3600
"""The shortest that the real service takes."""
MOST_TIME: Final = 6 * LIFETIME_SECONDS
ELSEWHERE: Final = 10_000
"""Numbers from here on are for runs and samplers of which the model knows nothing."""
WAYS_TO_READ: Final = ("describe", "archive", "sample", "restore")


class CheckpointRules(Stage):
    """What was saved, as long as it is there."""

    def __init__(self) -> None:
        super().__init__()
        self.deleted: list[str] = []
        self.published: set[str] = set()
        """Those that ever were."""

    @rule(pick=PICKS, whole=st.booleans(), queued=st.booleans())
    @step(SOUND)
    def save(self, pick: int, whole: bool, queued: bool) -> None:
        """Save a run, for training or for sampling."""
        kind: Kind = "save_weights" if whole else "save_weights_for_sampler"
        self.send_all(self.hand(pick), [self.save_order(kind)], queued=queued)

    @precondition(lambda self: bool(self.world.oracle.checkpoints))
    @rule(pick=PICKS)
    @step(NAME)
    def save_again(self, pick: int) -> None:
        """Save under a name that is taken."""
        checkpoint = self.checkpoint(pick)
        hand = next(hand for hand in self.runs.hands if hand.id == checkpoint.run)
        if hand.held or hand.unclear:
            raise NotNow
        kind: Kind = "save_weights" if checkpoint.whole else "save_weights_for_sampler"
        self.world.marks.add(NAME)
        self.runs.submit(hand, hand.take(), Order(kind, name=named(checkpoint.path)), NAME)
        self.runs.settle()

    @precondition(lambda self: bool(self.world.oracle.checkpoints))
    @rule(pick=PICKS, which=PICKS, optimizer=st.booleans())
    @step(MOMENT)
    def load(self, pick: int, which: int, optimizer: bool) -> None:
        """Load a checkpoint into a run of its shape."""
        hand, checkpoint = self.hand(pick), self.checkpoint(which)
        run = self.world.oracle.runs[hand.id]
        shape, theirs = run.state.origin, checkpoint.state.origin
        # What becomes of pending gradients is nowhere said; the optimizer's state only a whole checkpoint has.
        if hand.held or (run.state.past[-1:] and run.state.past[-1][0] == "batch") or shape.rank != theirs.rank:
            raise NotNow
        order = Order("load_weights", path=checkpoint.path, optimizer=optimizer and checkpoint.whole)
        self.world.marks.add(MOMENT)
        self.runs.submit(hand, hand.take(), order, MOMENT)
        hand.restored = run.state.weights

    @precondition(lambda self: self.world.oracle.checkpoints and self.has_room)
    @rule(pick=PICKS, which=PICKS, optimizer=st.booleans())
    @step(MOMENT)
    def restore(self, pick: int, which: int, optimizer: bool) -> None:
        """Make a run of a checkpoint."""
        checkpoint = self.checkpoint(which)
        self.runs.restore(self.session(pick), checkpoint.path, optimizer=optimizer and checkpoint.whole)

    @precondition(lambda self: bool(self.world.oracle.checkpoints))
    @rule(pick=PICKS, public=st.booleans())
    @step(PUBLIC)
    def publish(self, pick: int, public: bool) -> None:
        """Publish a checkpoint, or withdraw it; what is so already stays so."""
        path = self.checkpoint(pick).path
        self.world.tell(f"{named(path)} is {'published' if public else 'withdrawn'}")
        answer = self.world.oracle.publish(OWNER, path, public=public)
        if public:
            self.published.add(path)
        method = "POST" if public else "DELETE"
        self.world.expect(answer, self.world.tenant().send(method, f"{place(path)}/publish"), PUBLIC)

    @precondition(lambda self: bool(self.world.oracle.checkpoints))
    @rule(pick=PICKS, lives=st.booleans())
    @step(LIFETIME)
    def set_lifetime(self, pick: int, lives: bool) -> None:
        """Give a checkpoint an expiry, or take it away."""
        path = self.checkpoint(pick).path
        self.world.tell(f"{named(path)} is to live {'an hour' if lives else 'for ever'}")
        seconds = LIFETIME_SECONDS if lives else None
        answer = self.world.oracle.set_ttl(OWNER, path, seconds)
        sent = self.world.tenant().send("PUT", f"{place(path)}/ttl", {"ttl_seconds": seconds})
        self.world.expect(answer, sent, LIFETIME)

    @precondition(lambda self: bool(self.world.oracle.checkpoints))
    @rule(pick=PICKS)
    @step(DELETED)
    def delete(self, pick: int) -> None:
        """Delete a checkpoint."""
        path = self.checkpoint(pick).path
        self.world.tell(f"{named(path)} is deleted")
        answer = self.world.oracle.delete(OWNER, path)
        self.deleted.append(path)
        self.world.expect(answer, self.world.tenant().send("DELETE", place(path)), DELETED)

    @precondition(lambda self: bool(self.deleted))
    @rule(pick=PICKS, way=st.sampled_from(WAYS_TO_READ))
    @step(DELETED)
    def use_deleted(self, pick: int, way: str) -> None:
        """Try to read what was deleted."""
        self.read(OWNER, picked(self.deleted, pick), way, DELETED)

    @precondition(lambda self: self.exploration.target.clock and bool(self.world.oracle.checkpoints))
    @rule(pick=PICKS)
    @step(EXPIRED)
    def pass_time(self, pick: int) -> None:
        """Move the clock on, past the lifetime of whatever has one."""
        oracle = self.world.oracle
        self.runs.settle()
        dated = [path for path in oracle.listed(OWNER) if oracle.checkpoints[path].expires_at is not None]
        if not dated or any(hand.gap_since is not None for hand in self.runs.hands) or oracle.now > MOST_TIME:
            raise NotNow  # a gap would be given up, and results expire in their turn
        self.world.tell("More than an hour passes")
        self.world.pass_time(LIFETIME_SECONDS + 60)
        self.deleted += dated
        for way in WAYS_TO_READ:
            self.read(OWNER, picked(dated, pick), way, EXPIRED)

    @rule(pick=PICKS)
    @step(LISTS)
    def list_all(self, pick: int) -> None:
        """Hold the list of all checkpoints, and of one run's, to what there is."""
        self.runs.settle()
        hand = self.hand(pick)
        self.world.tell(f"The checkpoints are listed, all and those of {hand.label}")
        self._hold("/checkpoints", self.world.oracle.listed(OWNER))
        self._hold(f"/training_runs/{hand.id}/checkpoints", self.world.oracle.listed(OWNER, hand.id))

    def _hold(self, route: str, due: dict[str, Checkpoint]) -> None:
        shown = {each["tinker_path"]: each for each in self.listed(OWNER, route, "checkpoints")}
        last = self.world.tenant().last
        for path in [*due, *self.deleted]:
            name = named(path)
            if (path in shown) != (path in due):
                self.world.broken(LISTS, f"{name} is {'not ' if path in due else ''}in {route}", *last)
        for path, checkpoint in due.items():
            name = named(path)
            if shown[path].get("public", False) != checkpoint.public:
                self.world.broken(LISTS, f"{name} is listed with public: {shown[path].get('public')}", *last)
            if (shown[path].get("expires_at") is not None) != (checkpoint.expires_at is not None):
                self.world.broken(LIFETIME, f"{name} is listed with expires_at: {shown[path].get('expires_at')}", *last)

    # What several rules do.

    def checkpoint(self, pick: int) -> Checkpoint:
        """One of the owner's checkpoints; server and model are equally far."""
        self.runs.settle()
        unclear = {hand.id for hand in self.runs.hands if hand.unclear}
        alive = self.world.oracle.listed(OWNER).values()
        return picked([each for each in alive if each.run not in unclear], pick)

    def listed(self, who: str, route: str, field: str) -> list[Any]:
        """All pages of a list."""
        tenant, found = self.world.tenant(who), []
        for page in range(MOST_PAGES):
            items = tenant.ok(tenant.get(route, limit=PAGE, offset=page * PAGE))[field]
            found += items
            if len(items) < PAGE:
                break
        return found

    def read(self, who: str, path: str, way: str, check: str) -> None:
        """Read a checkpoint in one of the ways that there are, and hold the answer to whether it may be read."""
        world, tenant, name = self.world, self.world.tenant(who), named(path)
        answer = world.oracle.read(who, path)
        world.tell(f"The {who} tries to {way} {name}")
        match way:
            case "describe":
                exchange = tenant.post("/weights_info", tinker_path=path)
            case "archive":
                exchange = tenant.get(f"{place(path)}/archive")
            case "sample":
                exchange = tenant.post(
                    "/create_sampling_session",
                    session_id=world.session_of(who),
                    sampling_session_seq_id=ELSEWHERE + world.number("tries"),
                    model_path=path,
                )
            case _:
                exchange = tenant.post(
                    "/load_weights",
                    session_id=world.session_of(who),
                    model_seq_id=ELSEWHERE + world.number("tries"),
                    path=path,
                    optimizer=False,
                )
                if answer is not Answer.DONE:
                    tenant.fails(exchange, *answer.value)
                    return
        allowed = {*answer.value, 302, 503} if answer is Answer.DONE else set(answer.value)  # an archive may take time
        if answer_of(exchange).status not in allowed:
            due = "it may be read" if answer is Answer.DONE else "it is not there for them"
            status = answer_of(exchange).status
            world.broken(check, f"{exchange.request} was answered with {status}, though {due}", exchange)
