"""A second tenant, who tries everything with what is not theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from contracts.oracle import Answer, Order, Origin
from contracts.server.behaviour.checkpoint_rules import ELSEWHERE, LIFETIME_SECONDS, WAYS_TO_READ, CheckpointRules
from contracts.server.behaviour.checks import HIDDEN, OWN_LISTS, PUBLIC, RESULTS, WRITES
from contracts.server.behaviour.plain import creation
from contracts.server.behaviour.runs import named
from contracts.server.behaviour.stage import PICKS, picked, step
from contracts.server.behaviour.wire import DRAWS, RATES, ask_for_sample, place
from contracts.server.behaviour.world import STRANGER

if TYPE_CHECKING:
    from contracts.exchange import Exchange

LOOKS: Final = ("a run", "a run's checkpoints", "a run's info", "a session", "a session's heart", "a sampler")
CHANGES: Final = ("train", "sample", "finish", "make a run", "make a sampler")
CHECKPOINT_CHANGES: Final = ("delete", "publish", "withdraw", "date")
LISTS: Final = {
    "/training_runs": ("training_runs", "training_run_id"),
    "/checkpoints": ("checkpoints", "tinker_path"),
    "/sessions": ("sessions", ""),
}


class StrangerRules(CheckpointRules):
    """Nothing private crosses tenants."""

    @precondition(lambda self: bool(self.world.oracle.checkpoints))
    @rule(pick=PICKS, way=st.sampled_from(WAYS_TO_READ))
    @step(PUBLIC)
    def stranger_reads(self, pick: int, way: str) -> None:
        """Read a checkpoint, which may be published or not."""
        path = self.checkpoint(pick).path
        self.read(STRANGER, path, way, PUBLIC if path in self.published else HIDDEN)

    @precondition(lambda self: bool(self.world.oracle.checkpoints))
    @rule(pick=PICKS, way=st.sampled_from(CHECKPOINT_CHANGES))
    @step(WRITES)
    def stranger_changes_checkpoint(self, pick: int, way: str) -> None:
        """Change a checkpoint, which may be published or not."""
        path = self.checkpoint(pick).path
        self.world.tell(f"The stranger tries to {way} {named(path)}")
        tenant, where = self.world.tenant(STRANGER), place(path)
        match way:
            case "delete":
                exchange = tenant.send("DELETE", where)
            case "publish":
                exchange = tenant.send("POST", f"{where}/publish")
            case "withdraw":
                exchange = tenant.send("DELETE", f"{where}/publish")
            case _:
                exchange = tenant.send("PUT", f"{where}/ttl", {"ttl_seconds": LIFETIME_SECONDS})
        self.world.expect(self.world.oracle.change(STRANGER, path), exchange, WRITES)

    @rule(pick=PICKS, what=st.sampled_from(LOOKS))
    @step(HIDDEN)
    def stranger_looks(self, pick: int, what: str) -> None:
        """Look at what belongs to the owner."""
        run, session = self.hand(pick).id, self.any_session(pick)
        tenant = self.world.tenant(STRANGER)
        self.world.tell(f"The stranger looks at {what}")
        match what:
            case "a run":
                exchange = tenant.get(f"/training_runs/{run}")
            case "a run's checkpoints":
                if self.world.oracle.listed(STRANGER, run):
                    return  # published ones are there for everybody
                exchange = tenant.get(f"/training_runs/{run}/checkpoints")
            case "a run's info":
                exchange = tenant.post("/get_info", model_id=run)
            case "a session":
                exchange = tenant.get(f"/sessions/{session}")
            case "a session's heart":
                exchange = tenant.post("/session_heartbeat", session_id=session)
            case _:
                exchange = tenant.get(f"/samplers/{self._sampler_id(pick)}")
        self.world.expect(Answer.UNKNOWN, exchange, HIDDEN)

    @rule(pick=PICKS, what=st.sampled_from(CHANGES))
    @step(WRITES)
    def stranger_works(self, pick: int, what: str) -> None:
        """Work with what belongs to the owner."""
        hand, session = self.hand(pick), self.any_session(pick)
        tenant, world = self.world.tenant(STRANGER), self.world
        world.tell(f"The stranger tries to {what} where they own nothing")
        match what:
            case "train":
                order = Order("optim_step", rate=RATES[1])
                exchange: Exchange = self.runs.post(hand, hand.next_seq_id, order, who=STRANGER)
            case "sample":
                exchange = ask_for_sample(tenant, self._sampler_id(pick), world.number("tries"), DRAWS[0])
            case "finish":
                exchange = tenant.post(f"/sessions/{session}/finish", reason={"type": "success"})
            case "make a run":
                number, origin = ELSEWHERE + world.number("tries"), Origin(world.plain.base_model)
                tenant.fails(tenant.post("/create_model", **creation(session, number, origin)), *Answer.UNKNOWN.value)
                return
            case _:
                number, base_model = ELSEWHERE + world.number("tries"), world.plain.base_model
                fields = {"session_id": session, "sampling_session_seq_id": number, "base_model": base_model}
                exchange = tenant.post("/create_sampling_session", **fields)
        world.expect(Answer.UNKNOWN, exchange, WRITES)

    @rule(pick=PICKS)
    @step(RESULTS)
    def stranger_polls(self, pick: int) -> None:
        """Ask for the result of somebody else's operation."""
        request_id = picked(list(self.runs.request_ids.values()), pick)
        self.world.tell("The stranger polls for a result")
        answer = self.world.tenant(STRANGER).post("/retrieve_future", request_id=request_id)
        self.world.expect(Answer.UNKNOWN, answer, RESULTS)

    @rule(route=st.sampled_from(sorted(LISTS)))
    @step(OWN_LISTS)
    def stranger_lists(self, route: str) -> None:
        """See whether the stranger's lists show anything of the owner's."""
        self.runs.settle()
        self.world.tell(f"The stranger lists {route}")
        name, key = LISTS[route]
        shown = {str(each[key] if key else each) for each in self.listed(STRANGER, route, name)}
        oracle = self.world.oracle
        private = {*oracle.runs, *oracle.checkpoints, *self.sessions}
        if private & shown:
            what = f"{route} shows the stranger {min(private & shown)}"
            self.world.broken(OWN_LISTS, what, *self.world.tenant(STRANGER).last)

    def _sampler_id(self, pick: int) -> str:
        return picked(list(self.runs.sampler_ids.values()), pick)
