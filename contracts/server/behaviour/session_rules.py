"""Sessions: alive, finished, and what they say was made in them."""

from __future__ import annotations

from typing import Final

from hypothesis.stateful import precondition, rule

from contracts.server.behaviour.checks import ALIVE, CONTENT, SOUND
from contracts.server.behaviour.stage import PICKS, Stage, picked, step
from contracts.server.behaviour.world import OWNER, NotNow

MOST_SESSIONS: Final = 3


class SessionRules(Stage):
    """The life of sessions."""

    @precondition(lambda self: len(self.world.oracle.sessions) < MOST_SESSIONS)
    @rule()
    @step(SOUND)
    def open_another(self) -> None:
        self.open_session()

    @rule(pick=PICKS)
    @step(ALIVE)
    def beat(self, pick: int) -> None:
        """Send a session's heartbeat, whether it is finished or not."""
        session = self.any_session(pick)
        self.world.tell("A heartbeat is sent")
        answer = self.world.oracle.heartbeat(OWNER, session)
        self.world.expect(answer, self.world.tenant().post("/session_heartbeat", session_id=session), ALIVE)

    @precondition(lambda self: len(self.world.oracle.sessions) > 1)
    @rule(pick=PICKS)
    @step(ALIVE)
    def finish(self, pick: int) -> None:
        """Finish a session in which nothing was made: what becomes of runs in a finished one is nowhere said."""
        oracle = self.world.oracle
        empty = [each for each in oracle.sessions if oracle.content(each) == (set(), set())]
        session = picked([each for each in empty if each in self.sessions], pick)
        self.world.tell("A session is finished")
        answer = oracle.finish(OWNER, session)
        sent = self.world.tenant().post(f"/sessions/{session}/finish", reason={"type": "success"}, detail=None)
        self.world.expect(answer, sent, ALIVE)

    @rule(pick=PICKS)
    @step(CONTENT)
    def describe(self, pick: int) -> None:
        """Hold what a session says of itself to what was made in it."""
        self.runs.settle()
        session, tenant = self.any_session(pick), self.world.tenant()
        if any(hand.unclear for hand in self.runs.hands):
            raise NotNow
        self.world.tell("A session is described")
        runs, samplers = self.world.oracle.content(session)
        due = {"training_run_ids": runs, "sampler_ids": {self.runs.sampler_ids[each] for each in samplers}}
        told = tenant.ok(tenant.get(f"/sessions/{session}"))
        for name, made in due.items():
            if sorted(told[name]) != sorted(made):
                self.world.broken(CONTENT, f"{name} is {told[name]} where {sorted(made)} was due", *tenant.last)
