"""Runs that are made and trained as they should be, and looked at."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from contracts.oracle import Order, Origin, State
from contracts.server.behaviour.checks import EQUAL, MADE_ONCE, SOUND
from contracts.server.behaviour.plain import creation
from contracts.server.behaviour.stage import ORDERS, PICKS, Stage, picked, step
from contracts.server.behaviour.world import OWNER, NotNow
from contracts.server.tenant import answer_of


class TrainingRules(Stage):
    """The life of a run without any disturbance."""

    @rule(pick=PICKS, orders=st.lists(ORDERS, min_size=1, max_size=4), queued=st.booleans())
    @step(SOUND)
    def train(self, pick: int, orders: list[Order], queued: bool) -> None:
        """Send orders, each under the next number; `queued`: without waiting for results."""
        self.send_all(self.hand(pick), orders, queued=queued)

    @rule(pick=PICKS)
    @step(EQUAL)
    def look(self, pick: int) -> None:
        """Compare a run with a plain one of the same history."""
        hand = self.hand(pick)
        if hand.held or not self.exploration.readable:
            raise NotNow
        self.look_at(hand)

    @precondition(lambda self: self.has_room)
    @rule(pick=PICKS, rank=st.sampled_from([8, 4]), seed=st.sampled_from([1, 2]))
    @step(SOUND)
    def create_run(self, pick: int, rank: int, seed: int) -> None:
        """Another run."""
        self.runs.create(self.session(pick), Origin(self.world.plain.base_model, rank, seed))

    @rule(pick=PICKS)
    @step(MADE_ONCE)
    def create_again(self, pick: int) -> None:
        """Repeat the creation of a run, whatever became of it since."""
        hand, origin = picked([(each, each.origin) for each in self.runs.hands if each.origin is not None], pick)
        session, _, number = hand.id.rpartition(":train:")
        self.world.tell(f"The creation of {hand.label} is repeated")
        foretold = self.world.oracle.create_run(OWNER, session, int(number), State(origin))
        again = self.world.tenant().post("/create_model", **creation(session, int(number), origin))
        self.world.expect(foretold, again, MADE_ONCE)
        told = answer_of(again).json
        if told["request_id"] != self.runs.request_ids[hand.id, 0]:
            self.world.broken(MADE_ONCE, f"the repeated creation of {hand.label} has another request id", again)
        result = self.world.tenant().result(again)
        if result["model_id"] != hand.id:
            self.world.broken(MADE_ONCE, f"the repeated creation made {result['model_id']!r}, not {hand.id!r}", again)
